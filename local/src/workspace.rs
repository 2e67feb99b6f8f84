//! The locations of the project's files and tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The checkout that this program was built from.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Returns the checkout if its virtual environment exists.
    ///
    /// # Errors
    /// Returns an error that names the command that creates it.
    pub fn find() -> Result<Self> {
        let root = Self::root();
        let workspace = Self { root };
        ensure!(
            workspace.tool("ministack").exists(),
            "the virtual environment is missing. Run `make tools`"
        );
        Ok(workspace)
    }

    /// Returns the checkout's folder, even if nothing is built in it.
    #[must_use]
    pub fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .map_or_else(PathBuf::new, Path::to_owned)
    }

    /// Returns the path of a file in the checkout.
    #[must_use]
    pub fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns the path of one of the workspace's programs, which cargo writes into the folder of this program, and its
    /// tests into a folder of that one.
    ///
    /// # Errors
    /// Returns an error that names the command that builds it.
    pub fn program(name: &str) -> Result<PathBuf> {
        let current = std::env::current_exe()?;
        let program = current
            .ancestors()
            .skip(1)
            .take(2)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
            .with_context(|| format!("`{name}` isn't built. Run `make programs`"))?;
        Ok(program)
    }

    /// Returns the path of a program in the virtual environment.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        self.file(".venv/bin").join(name)
    }

    /// Returns a command that runs a program of the virtual environment in the checkout's folder.
    #[must_use]
    pub fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(self.tool(tool));
        command.current_dir(&self.root);
        command
    }
}
