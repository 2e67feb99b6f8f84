//! The pages of docs that a run writes: what was run, by which command, and what came of it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use local::Workspace;

/// Writes a page.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &str, title: &str, command: &str, text: &str, table: &str) -> Result<()> {
    let commit = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(Workspace::root())
        .output()
        .context("git")?
        .stdout;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let page = format!(
        "# {title}\n\n{text}\n\nWritten by `{command}` at commit {commit}; do not edit by hand.\n\n{table}\n"
    );
    std::fs::write(Path::new(path), page).with_context(|| path.to_owned())
}

/// The page that a program was asked to write: its only argument. Its folder is made, before a long run.
///
/// # Errors
/// Where there is none.
pub fn asked_for() -> Result<String> {
    let path = std::env::args()
        .nth(1)
        .context("say which page to write, such as docs/fault-matrix.md")?;
    if let Some(folder) = Path::new(&path).parent() {
        std::fs::create_dir_all(folder).with_context(|| path.clone())?;
    }
    Ok(path)
}
