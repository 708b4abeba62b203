//! The folder of one emulator: database, certificate authority, and a lock so that two servers do
//! not share it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::StartError;
use crate::config::DataFolder;
use crate::crypto::sandbox_ca::SandboxCa;

/// The database file of a data folder.
pub const DATABASE: &str = "sandgate.db";

/// The CA certificate of a data folder.
pub const CA_CERTIFICATE: &str = "ca.pem";

const LOCK: &str = "lock";

/// An opened folder. Dropping it releases the lock, and removes it if it is ephemeral.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
    _temporary: Option<TempDir>,
}

impl Folder {
    /// Opens a folder, making it if needed.
    pub(super) fn open(wanted: &DataFolder) -> Result<Self, StartError> {
        let (path, temporary) = match wanted {
            DataFolder::Path(path) => {
                make_private(path).map_err(failed(path, "made"))?;
                (path.clone(), None)
            }
            DataFolder::Ephemeral => {
                let mut builder = tempfile::Builder::new();
                builder.prefix("sandgate-");
                // As private as one that stays: the system's usual rights would let others look in.
                #[cfg(unix)]
                builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
                let made = builder
                    .tempdir()
                    .map_err(failed(&std::env::temp_dir(), "used for a temporary folder"))?;
                (made.path().to_owned(), Some(made))
            }
        };
        let lock = lock(&path)?;
        // Nothing in the folder belongs into anybody's repository.
        let ignore = path.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(failed(&ignore, "written"))?;
        }
        Ok(Self {
            path,
            _lock: lock,
            _temporary: temporary,
        })
    }

    /// The folder, wherever it is looked at from.
    pub(super) fn absolute(&self) -> PathBuf {
        self.path.canonicalize().unwrap_or_else(|_| self.path.clone())
    }

    /// The database file.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The folder's certificate authority, made on first use.
    pub(super) fn certificate_authority(&self) -> Result<SandboxCa, StartError> {
        let certificate = self.path.join(CA_CERTIFICATE);
        let key = self.path.join("ca.key.pem");
        if certificate.exists() && key.exists() {
            let certificate_pem =
                fs::read_to_string(&certificate).map_err(failed(&certificate, "read"))?;
            let key_pem = fs::read_to_string(&key).map_err(failed(&key, "read"))?;
            return Ok(SandboxCa::load(&certificate_pem, &key_pem)?);
        }
        let (ca, key_pem) = SandboxCa::generate()?;
        write_private(&key, &key_pem).map_err(failed(&key, "written"))?;
        fs::write(&certificate, ca.certificate_pem()).map_err(failed(&certificate, "written"))?;
        Ok(ca)
    }
}

/// Which process uses a data folder, seen from outside: `None` if nobody does; an empty name if it
/// does not tell.
///
/// # Errors
/// If the lock cannot be looked at.
pub fn holder(folder: &Path) -> std::io::Result<Option<String>> {
    let mut file = match File::open(folder.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Shared, and let go at once: two who look do not see each other as holders.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            Ok(Some(holder.trim().to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn lock(folder: &Path) -> Result<File, StartError> {
    let path = folder.join(LOCK);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed(&path, "opened"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            return Err(StartError::FolderInUse {
                folder: folder.to_owned(),
                holder: if holder.is_empty() {
                    String::new()
                } else {
                    format!(" (process {holder})")
                },
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed(&path, "locked")(error)),
    }
    let told = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()));
    told.map_err(failed(&path, "written"))?;
    Ok(file)
}

/// Tokens, passwords and keys are inside, so the folder is its owner's alone. One that exists stays
/// as its owner has made it.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;

        builder.mode(0o700);
    }
    builder.create(path)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> StartError {
    let path = path.to_owned();
    move |source| StartError::Folder {
        path,
        doing,
        source,
    }
}
