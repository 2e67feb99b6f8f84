//! Where the project's files and tools are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// The checkout that this program was built from.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout, with its virtual environment made and its functions built.
    ///
    /// # Errors
    /// Where one of them is missing, with the command that makes it.
    pub fn find() -> Result<Self> {
        let root = Self::root();
        let workspace = Self { root };
        ensure!(
            workspace.tool("ministack").exists(),
            "the virtual environment is missing: `make tools` makes it"
        );
        ensure!(
            workspace.built_template().exists(),
            "the functions are not built: `make build` builds them"
        );
        Ok(workspace)
    }

    /// The checkout's folder, whatever is built in it.
    #[must_use]
    pub fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .map_or_else(PathBuf::new, Path::to_owned)
    }

    /// A file of the checkout.
    #[must_use]
    pub fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// What `sam build` made.
    #[must_use]
    pub fn built_template(&self) -> PathBuf {
        self.file(".aws-sam/build/template.yaml")
    }

    /// A program of the virtual environment.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        self.file(".venv/bin").join(name)
    }

    /// A command of the virtual environment that runs in the checkout.
    #[must_use]
    pub fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(self.tool(tool));
        command.current_dir(&self.root);
        command
    }
}
