//! The locations of the project's files and tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// The checkout that this program was built from.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Returns the checkout if its virtual environment and its built functions exist.
    ///
    /// # Errors
    /// Returns an error that names the missing part and the command that creates it.
    pub fn find() -> Result<Self> {
        let root = Self::root();
        let workspace = Self { root };
        ensure!(
            workspace.tool("ministack").exists(),
            "the virtual environment is missing. Run `make tools`"
        );
        ensure!(
            workspace.built_template().exists(),
            "the functions are not built. Run `make build`"
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

    /// Returns the path of the template that `sam build` writes.
    #[must_use]
    pub fn built_template(&self) -> PathBuf {
        self.file(".aws-sam/build/template.yaml")
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
