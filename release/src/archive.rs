//! Writes the archive. The same files result in the same bytes: their order, times, and owners are fixed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

const FILE: u32 = 0o644;
const PROGRAM: u32 = 0o755;

/// The files of an archive, by their path in its folder.
pub struct Archive {
    /// The name of the archive and of its folder.
    name: String,
    files: BTreeMap<String, File>,
}

struct File {
    content: Vec<u8>,
    mode: u32,
}

impl Archive {
    /// Returns an archive without files.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            files: BTreeMap::new(),
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// Returns an error if the archive already has the file.
    pub fn add(&mut self, path: &str, content: &[u8]) -> Result<()> {
        self.insert(path, content, FILE)
    }

    /// Adds an executable file.
    ///
    /// # Errors
    /// Returns an error if the archive already has the file.
    pub fn add_program(&mut self, path: &str, content: &[u8]) -> Result<()> {
        self.insert(path, content, PROGRAM)
    }

    fn insert(&mut self, path: &str, content: &[u8], mode: u32) -> Result<()> {
        let file = File {
            content: content.to_owned(),
            mode,
        };
        let replaced = self.files.insert(path.to_owned(), file);
        ensure!(replaced.is_none(), "the archive already has `{path}`");
        Ok(())
    }

    /// Adds the checksums of all files, and writes the archive and its own checksum. Returns the archive's path.
    ///
    /// # Errors
    /// Returns an error if the folder can't be written.
    pub fn write(mut self, folder: &Path) -> Result<PathBuf> {
        let mut sums = String::new();
        for (path, file) in &self.files {
            writeln!(sums, "{}  {path}", checksum(&file.content))?;
        }
        self.add("SHA256SUMS", sums.as_bytes())?;

        let gzip = GzBuilder::new()
            .mtime(0)
            .write(Vec::new(), Compression::best());
        let mut tar = Builder::new(gzip);
        for (path, file) in &self.files {
            let mut header = Header::new_gnu();
            header.set_size(u64::try_from(file.content.len())?);
            header.set_mode(file.mode);
            tar.append_data(
                &mut header,
                format!("{}/{path}", self.name),
                file.content.as_slice(),
            )?;
        }
        let bytes = tar.into_inner()?.finish()?;

        fs::create_dir_all(folder)?;
        let file_name = format!("{}.tar.gz", self.name);
        let path = folder.join(&file_name);
        fs::write(&path, &bytes)?;
        fs::write(
            folder.join(format!("{file_name}.sha256")),
            format!("{}  {file_name}\n", checksum(&bytes)),
        )?;
        Ok(path)
    }
}

/// Returns the SHA-256 checksum in hexadecimal, as `sha256sum` prints it.
fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_matches_the_standard() {
        // The one-block message of
        // https://csrc.nist.gov/csrc/media/projects/cryptographic-standards-and-guidelines/documents/examples/sha256.pdf
        assert_eq!(
            checksum(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn same_files_result_in_the_same_bytes() {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));

        let archives = folders.each_ref().map(|folder| {
            let mut archive = Archive::new("envcache");
            archive.add("b", b"2").expect("added");
            archive.add_program("a", b"1").expect("added");
            let path = archive.write(folder.path()).expect("written");
            fs::read(path).expect("an archive")
        });

        assert_eq!(archives[0], archives[1]);
    }

    #[test]
    fn rejects_a_file_that_is_already_there() {
        let mut archive = Archive::new("envcache");
        archive.add("a", b"1").expect("added");

        assert!(archive.add("a", b"2").is_err());
    }
}
