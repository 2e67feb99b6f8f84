//! The checkout that a release is packaged from, with its built programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::architecture::Architecture;

/// The checkout.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Returns the checkout that this program was built from.
    ///
    /// # Errors
    /// Returns an error if the crate isn't in a folder.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = root.context("the workspace's folder")?.to_owned();
        Ok(Self { root })
    }

    /// Returns the path of a file or folder in the checkout.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Returns an error if it can't be read.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        fs::read(self.path(path)).with_context(|| path.to_owned())
    }

    /// Reads a file as text.
    ///
    /// # Errors
    /// Returns an error if it can't be read, or isn't UTF-8.
    pub fn text(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.path(path)).with_context(|| path.to_owned())
    }

    /// Reads a program that `cargo lambda build` has built. It calls every program `bootstrap`.
    ///
    /// # Errors
    /// Returns an error if the program isn't built, or is built for another architecture.
    pub fn program(&self, name: &str, architecture: Architecture) -> Result<Vec<u8>> {
        let program = self
            .bytes(&format!("target/lambda/{name}/bootstrap"))
            .context("`make release` builds it")?;
        architecture
            .check(&program)
            .with_context(|| name.to_owned())?;
        Ok(program)
    }

    /// Returns the paths of the tracked files among these files and in these folders.
    ///
    /// # Errors
    /// Returns an error if git fails.
    pub fn tracked_files(&self, paths: &[&str]) -> Result<Vec<String>> {
        let files = self.output("git", &[&["ls-files", "--"], paths].concat())?;
        Ok(files.lines().map(str::to_owned).collect())
    }

    /// Returns the time of the commit in the format of RFC 3339.
    ///
    /// # Errors
    /// Returns an error if git fails.
    pub fn commit_time(&self) -> Result<String> {
        let time = self.output("git", &["log", "-1", "--format=%cI"])?;
        Ok(time.trim().to_owned())
    }

    /// Returns the version of Rust, whose standard library every program contains.
    ///
    /// # Errors
    /// Returns an error if rustc fails.
    pub fn rust_version(&self) -> Result<String> {
        // Such as `rustc 1.95.0 (f2d3ce0bd 2026-03-21)`.
        let version = self.output("rustc", &["--version"])?;
        let version = version.split(' ').nth(1).context("rustc's version")?;
        Ok(version.to_owned())
    }

    /// Returns the copyright and the licenses of Rust's standard library, as rustup installs them.
    ///
    /// # Errors
    /// Returns an error if they aren't installed.
    pub fn rust_copyright(&self) -> Result<Vec<u8>> {
        let sysroot = self.output("rustc", &["--print", "sysroot"])?;
        let path = Path::new(sysroot.trim()).join("share/doc/rust/COPYRIGHT-library.html");
        fs::read(&path).with_context(|| path.display().to_string())
    }

    /// Returns what a program prints, run in the checkout.
    ///
    /// # Errors
    /// Returns an error if it fails.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = Command::new(program)
            .current_dir(&self.root)
            .args(arguments)
            .output()
            .with_context(|| program.to_owned())?;
        ensure!(
            output.status.success(),
            "`{program} {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}
