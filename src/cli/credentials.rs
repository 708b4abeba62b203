//! `sandgate credentials`: a merchant's credentials as the files that a client reads.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, ServerArgs, escaped};
use super::failure::Failure;
use super::output::{self, text};

/// Arguments of `sandgate credentials`.
#[derive(Debug, Args)]
pub(super) struct CredentialsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write .env, key files and the CA into a folder
    Export(ExportArgs),
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// The merchant
    merchant: String,
    /// The folder; it is made if needed
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sandgate credentials`.
pub(super) fn run(args: &CredentialsArgs) -> anyhow::Result<()> {
    let Verb::Export(args) = &args.verb;
    let client = Client::new(&args.server)?;
    let path = format!("/merchants/{}/credentials-files", escaped(&args.merchant));
    let answer = client.get(&path)?;
    let files = files(&answer)?;
    let present: Vec<&str> = files
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| args.out.join(name).symlink_metadata().is_ok())
        .collect();
    if !args.force && !present.is_empty() {
        return Err(Failure::caller(
            format!("{} already holds {}", args.out.display(), present.join(", ")),
            "choose another --out, or add --force to replace them",
        )
        .into());
    }
    let refused = |path: &Path, error: &std::io::Error| {
        Failure::caller(
            format!("{} cannot be written: {error}", path.display()),
            "choose a folder with --out in which you may write",
        )
    };
    let is_new = !args.out.exists();
    fs::create_dir_all(&args.out).map_err(|error| refused(&args.out, &error))?;
    if is_new {
        // A folder of keys does not belong into anybody's repository.
        let ignore = args.out.join(".gitignore");
        fs::write(&ignore, "*\n").map_err(|error| refused(&ignore, &error))?;
    }
    let mut written = Vec::new();
    for (name, contents) in files {
        let path = args.out.join(name);
        write(&path, contents, !is_public(name)).map_err(|error| refused(&path, &error))?;
        written.push(path.display().to_string());
    }
    if args.json {
        return output::json(&json!({ "merchant": args.merchant, "files": written }));
    }
    for path in written {
        output::data(&path)?;
    }
    Ok(())
}

/// The files of an answer, each with a name that stays inside the folder.
fn files(answer: &Value) -> Result<Vec<(&str, &str)>, Failure> {
    let listed = answer["files"].as_array().map_or(&[][..], Vec::as_slice);
    listed
        .iter()
        .map(|file| {
            let name = text(file, "name").unwrap_or_default();
            let contents = file["contents"].as_str().unwrap_or_default();
            if name.is_empty() || name.contains(['/', '\\']) || name == "." || name == ".." {
                return Err(Failure::caller(
                    format!("the server names a file \"{name}\", which is no plain file name"),
                    "look whether --admin names a server that you trust",
                ));
            }
            Ok((name, contents))
        })
        .collect()
}

/// Whether everybody on this machine may read the file. Unknown ones are kept to their owner.
fn is_public(name: &str) -> bool {
    name.contains("public") || name.contains("chain") || name == "ca.pem"
}

/// Writes beside and renames, so that nobody reads half a key, and a link is replaced, not followed.
fn write(path: &Path, contents: &str, private: bool) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".sandgate-").tempfile_in(folder)?;
    file.write_all(contents.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if private { 0o600 } else { 0o644 };
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = private;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
