//! Packages a release (`make release`): an archive from which `sam deploy` deploys the stack without Rust.
//!
//! It packages what `cargo lambda build` has built for the architecture in the first argument, `x86_64` or `arm64`, and
//! writes the archive and its checksum into `target/release-archive`.

mod archive;
mod dependencies;
mod licenses;
mod sbom;
mod template;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use archive::Archive;
use dependencies::Dependencies;

/// The files and folders of the repository that are packaged unchanged.
const UNCHANGED: [&str; 7] = [
    "CHANGELOG.md",
    "LICENSE",
    "SECURITY.md",
    "docs",
    "events",
    "samconfig.toml",
    "statemachine",
];
const README: &str = include_str!("../README.md");

fn main() -> Result<()> {
    let architecture = std::env::args()
        .nth(1)
        .context("the first argument is the architecture: x86_64 or arm64")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the workspace's folder")?;
    let built = root.join("target/lambda");
    let template = template::Packaged::read(&root.join("template.yaml"), &architecture)?;
    let dependencies = Dependencies::of_release(root, &architecture)?;

    let version = env!("CARGO_PKG_VERSION");
    let mut archive = Archive::new(&format!("envcache-{version}-{architecture}"));
    archive.add("README.md", README.as_bytes())?;
    archive.add("template.yaml", template.text.as_bytes())?;
    for binary in &template.binaries {
        let program = read(&built.join(binary).join("bootstrap"))?;
        archive.add_program(&format!("{}/bootstrap", template::folder(binary)), &program)?;
    }
    // cargo-lambda calls every program `bootstrap`.
    archive.add_program("bin/envcache", &read(&built.join("envcache/bootstrap"))?)?;
    for name in UNCHANGED {
        archive.add_path(root, name)?;
    }
    archive.add(
        "THIRD-PARTY-LICENSES.txt",
        licenses::text(&dependencies)?.as_bytes(),
    )?;
    archive.add("sbom.cdx.json", sbom::json(&dependencies)?.as_bytes())?;
    let path = archive.write(&root.join("target/release-archive"))?;
    println!("{}", path.display());
    Ok(())
}

fn read(program: &Path) -> Result<Vec<u8>> {
    fs::read(program).with_context(|| format!("{}: `make release` builds it", program.display()))
}
