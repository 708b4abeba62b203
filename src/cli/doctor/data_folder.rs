//! The data folder: whether it can be used, who uses it, its database, and the room that is left.

use std::path::Path;

use super::server::Server;
use super::{Finding, Level};
use crate::emulator::data_folder::{DATABASE, holder};
use crate::limits;
use crate::store::Store;

const AREA: &str = "data folder";

/// Below this a server may not last the day.
const LITTLE_ROOM: u64 = 100 * 1024 * 1024;

/// Looks at a data folder.
pub(super) fn look(folder: &Path, server: Option<&Server>) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if let Some(other) = another_folder(folder, server) {
        findings.push(other);
    }
    if !folder.exists()
        && server.and_then(Server::data_dir).is_some_and(|own| folder == Path::new(own))
    {
        let what = format!("the server's folder {} is on another machine", folder.display());
        findings.push(Finding::ok(AREA, format!("{what} or in a container: not looked at")));
        return Ok(findings);
    }
    if !folder.exists() {
        let what = format!("{} is not there yet; the first start makes it", folder.display());
        findings.push(Finding::ok(AREA, what));
        let above = folder.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("."));
        findings.extend(writable(above).err());
        findings.extend(room(above));
        return Ok(findings);
    }
    findings.push(match writable(folder) {
        Ok(()) => Finding::ok(AREA, format!("{} can be written", folder.display())),
        Err(problem) => problem,
    });
    findings.extend(private(folder));
    findings.push(lock(folder, server));
    findings.extend(database(folder)?);
    findings.extend(room(folder));
    Ok(findings)
}

fn another_folder(folder: &Path, server: Option<&Server>) -> Option<Finding> {
    let used = server?.data_dir()?;
    let looked_at = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if Path::new(used) == looked_at {
        return None;
    }
    Some(Finding::new(
        (AREA, Level::Note),
        format!("the server keeps its data in {used}, not in {}", folder.display()),
        "what follows is about a folder that this server does not use",
        format!("look at that one with --data-dir {used}"),
    ))
}

fn writable(folder: &Path) -> Result<(), Finding> {
    let refused = |reason: String| {
        Finding::new(
            (AREA, Level::Problem),
            format!("{} cannot be written: {reason}", folder.display()),
            "nothing can be kept there, so no server starts with it",
            "give this user the right to write there, or choose another folder with --data-dir DIR",
        )
    };
    if !folder.is_dir() {
        return Err(refused("it is no folder".to_owned()));
    }
    tempfile::tempfile_in(folder).map(|_| ()).map_err(|error| refused(error.to_string()))
}

/// A folder that was there before keeps the rights that it had.
fn private(folder: &Path) -> Option<Finding> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = folder.metadata().ok()?.permissions().mode();
        if mode & 0o077 != 0 {
            return Some(Finding::new(
                (AREA, Level::Note),
                format!("other users of this machine may look into {}", folder.display()),
                "the merchants' sandbox keys and tokens and the key of the CA are inside",
                format!("chmod 700 {}, unless nobody else is there", folder.display()),
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    None
}

fn lock(folder: &Path, server: Option<&Server>) -> Finding {
    match holder(folder) {
        Ok(None) => Finding::ok(AREA, "no server uses it"),
        Ok(Some(pid)) if server.and_then(Server::pid).is_some_and(|own| own.to_string() == pid) => {
            Finding::ok(AREA, format!("the server uses it (process {pid})"))
        }
        Ok(Some(pid)) => Finding::new(
            (AREA, Level::Note),
            format!("another server uses it (process {pid})"),
            "a second one is refused for as long as that one runs",
            format!("name it with --admin URL, stop it (kill {pid}), or choose another --data-dir"),
        ),
        Err(error) => Finding::new(
            (AREA, Level::Problem),
            format!("its lock cannot be looked at: {error}"),
            "a server will not be able to take it either",
            format!("give this user the right to read and write {}", folder.display()),
        ),
    }
}

fn database(folder: &Path) -> anyhow::Result<Option<Finding>> {
    let file = folder.join(DATABASE);
    if !file.exists() {
        return Ok(Some(Finding::ok(AREA, "there is no database yet; the first start makes it")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(Some(match runtime.block_on(Store::schema_versions(&file)) {
        Ok(versions) if versions.stored > versions.known => Finding::new(
            (AREA, Level::Problem),
            format!(
                "the database has schema {}, this binary knows {} at most",
                versions.stored, versions.known
            ),
            "it was used by a newer Sandgate, and this one will not start with it",
            "use that newer one, or another --data-dir",
        ),
        Ok(versions) if versions.stored < versions.known => Finding::ok(
            AREA,
            format!(
                "the database opens; its schema is {}, the next start brings it to {}",
                versions.stored, versions.known
            ),
        ),
        Ok(versions) => {
            Finding::ok(AREA, format!("the database opens, with schema {}", versions.stored))
        }
        Err(error) => Finding::new(
            (AREA, Level::Problem),
            format!("{}: {error}", file.display()),
            "no server starts with it",
            "put the file aside (a new one is made), or choose another --data-dir",
        ),
    }))
}

/// How much room the disk has left.
fn room(folder: &Path) -> Option<Finding> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(judged(folder, disk.f_bavail.saturating_mul(disk.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

fn judged(folder: &Path, bytes: u64) -> Finding {
    const MIB: u64 = 1024 * 1024;
    let what = format!("{} MiB are left on the disk of {}", bytes / MIB, folder.display());
    let meaning = format!(
        "a server that cannot write answers 500; its journal may grow to {} MiB",
        limits::JOURNAL_BYTES / MIB
    );
    let fix = "make room, clear the journal with sandgate reset, or choose another --data-dir";
    match bytes {
        little if little < LITTLE_ROOM => Finding::new((AREA, Level::Problem), what, meaning, fix),
        some if some < limits::JOURNAL_BYTES => {
            Finding::new((AREA, Level::Note), what, meaning, fix)
        }
        _ => Finding::ok(AREA, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_that_is_left_is_judged_by_what_the_journal_may_need() {
        for (bytes, level) in [
            (LITTLE_ROOM - 1, Level::Problem),
            (LITTLE_ROOM, Level::Note),
            (limits::JOURNAL_BYTES, Level::Ok),
        ] {
            assert_eq!(judged(Path::new("."), bytes).level, level, "{bytes}");
        }
    }
}
