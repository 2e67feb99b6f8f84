//! The pages of docs that a run writes: what was run, by which command, and what came of it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use local::Workspace;

/// Writes a page.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &str, title: &str, command: &str, text: &str, table: &str) -> Result<()> {
    let commit = git(&["describe", "--always"])?;
    let page = format!(
        "# {title}\n\n{text}\n\nWritten by `{command}` at commit {commit}; do not edit by hand.\n\n{table}\n"
    );
    std::fs::write(Path::new(path), page).with_context(|| path.to_owned())
}

/// Returns what git prints about the checkout.
fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(Workspace::root())
        .output()
        .context("git")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the page that a program is to write, its first argument, and creates its folder before a long run.
///
/// # Errors
/// Returns an error if there is no argument, or if the checkout has uncommitted changes: the page names the commit that its
/// results are of.
pub fn asked_for() -> Result<String> {
    let changes = git(&["status", "--porcelain"])?;
    ensure!(
        changes.is_empty(),
        "commit first: the page would name a commit without these changes:\n{changes}"
    );
    let path = std::env::args()
        .nth(1)
        .context("say which page to write, such as docs/fault-matrix.md")?;
    if let Some(folder) = Path::new(&path).parent() {
        std::fs::create_dir_all(folder).with_context(|| path.clone())?;
    }
    Ok(path)
}
