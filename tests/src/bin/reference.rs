//! Writes the JSON Schema of a request, and the tables of the request reference.

use anyhow::{Context, Result};
use envcache_tests::reference::{PAGE, SCHEMA, page, schema};
use local::Workspace;

fn main() -> Result<()> {
    let path = |file| Workspace::root().join(file);
    std::fs::write(path(SCHEMA), schema()).context(SCHEMA)?;
    let current = std::fs::read_to_string(path(PAGE)).context(PAGE)?;
    std::fs::write(path(PAGE), page(&current)).context(PAGE)
}
