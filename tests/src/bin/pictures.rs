//! Writes the pictures of the state machines.

use anyhow::{Context, Result};
use envcache_tests::picture;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("the file to write")?;
    std::fs::write(&path, picture::page()).with_context(|| path)
}
