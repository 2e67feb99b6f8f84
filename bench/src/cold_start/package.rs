//! The sizes of the functions' packages.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What a ZIP archive with the one file `bootstrap` has in addition to the compressed content: a local header, a central
/// header, the name in both, and the end record (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>).
const OVERHEAD: usize = 30 + 46 + 2 * "bootstrap".len() + 22;
/// The level that the SAM CLI uses: zlib's default.
const LEVEL: u32 = 6;

/// The size of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// The program's size in bytes.
    pub program: usize,
    /// The package's size in bytes: the program in a ZIP archive.
    pub zipped: usize,
}

impl Package {
    /// Returns the size of a program and its package.
    ///
    /// # Errors
    /// Returns an error if the program can't be read.
    pub fn of(program: &Path) -> Result<Self> {
        let content = fs::read(program).with_context(|| program.display().to_string())?;
        Ok(Self {
            program: content.len(),
            zipped: zipped(&content)?,
        })
    }
}

fn zipped(content: &[u8]) -> Result<usize> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(LEVEL));
    encoder.write_all(content)?;
    Ok(encoder.finish()?.len() + OVERHEAD)
}

/// Returns bytes in MiB.
pub fn in_mebibytes(bytes: usize) -> f64 {
    super::summary::in_mebibytes(u64::try_from(bytes / 1024).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{OVERHEAD, in_mebibytes, zipped};

    #[test]
    fn package_has_the_size_of_a_zip_archive() {
        // Python's `zipfile` writes 116 bytes around an empty, compressed file of this name, whose content has 2 bytes.
        assert_eq!(OVERHEAD, 116);
        assert_eq!(zipped(b"").expect("an empty package"), 118);
        assert!(zipped(&vec![0; 100_000]).expect("zeros") < 1000);
    }

    #[test]
    fn converts_bytes() {
        assert!((in_mebibytes(2_621_440) - 2.5).abs() < f64::EPSILON);
    }
}
