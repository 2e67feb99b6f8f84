//! The code that the linker adds to every program. `cargo lambda build` links with Zig, so that the programs run with
//! Amazon Linux's version of glibc: <https://www.cargo-lambda.info/guide/cross-compiling.html>.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// A library that Zig brings along.
pub struct Library {
    pub name: &'static str,
    /// What a program contains of it.
    pub content: &'static str,
    /// Its SPDX license expression.
    pub license: &'static str,
    /// The file in Zig's folder that contains its license.
    license_file: &'static str,
}

const LIBRARIES: [Library; 3] = [
    Library {
        name: "zig",
        content: "Zig's compiler runtime",
        license: "MIT",
        license_file: "LICENSE",
    },
    Library {
        name: "libunwind",
        content: "LLVM's libunwind, which unwinds the stack after a panic",
        license: "Apache-2.0 WITH LLVM-exception",
        license_file: "lib/libunwind/LICENSE.TXT",
    },
    Library {
        name: "glibc",
        content: "the start files and the static part of the GNU C library, whose license permits linking them with any program",
        license: "LGPL-2.1-or-later",
        license_file: "lib/libc/glibc/LICENSES",
    },
];

/// The installed version of Zig.
pub struct Zig {
    pub version: String,
    folder: PathBuf,
}

impl Zig {
    /// Finds Zig in the virtual environment.
    ///
    /// # Errors
    /// Returns an error if it isn't installed.
    pub fn find(workspace: &Workspace) -> Result<Self> {
        let code = "import importlib.metadata, os, ziglang
print(importlib.metadata.version('ziglang'), os.path.dirname(ziglang.__file__))";
        let found = workspace
            .output(".venv/bin/python", &["-c", code])
            .context("Zig is missing. Run `make tools`")?;
        let (version, folder) = found.trim().split_once(' ').context("Zig's version")?;
        Ok(Self {
            version: version.to_owned(),
            folder: Path::new(folder).to_owned(),
        })
    }

    /// Returns the libraries with the texts of their licenses.
    ///
    /// # Errors
    /// Returns an error if a text is missing.
    pub fn libraries(&self) -> Result<Vec<(&'static Library, String)>> {
        LIBRARIES
            .iter()
            .map(|library| {
                let path = self.folder.join(library.license_file);
                let text =
                    std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                Ok((library, text.replace('\r', "").trim().to_owned()))
            })
            .collect()
    }
}
