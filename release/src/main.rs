//! Packages a release (`make release`): an archive from which `sam deploy` deploys the stack without Rust.
//!
//! It packages what `cargo lambda build` has built for the architecture in the first argument, `x86_64` or `arm64`, and
//! writes the archive and its checksum into `target/release-archive`.

mod architecture;
mod archive;
mod dependencies;
mod licenses;
mod sbom;
mod template;
mod workspace;

use anyhow::{Context, Result};

use architecture::Architecture;
use archive::Archive;
use dependencies::Dependencies;
use workspace::Workspace;

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

fn main() -> Result<()> {
    let architecture = std::env::args()
        .nth(1)
        .as_deref()
        .and_then(Architecture::from_name)
        .context("the first argument must be the architecture, x86_64 or arm64")?;
    let workspace = Workspace::find()?;
    let template =
        template::Packaged::from_source(&workspace.text("template.yaml")?, architecture)?;
    let dependencies = Dependencies::of_release(&workspace, architecture)?;

    let version = env!("CARGO_PKG_VERSION");
    let mut archive = Archive::new(&format!("envcache-{version}-{}", architecture.name()));
    archive.add("README.md", readme().as_bytes())?;
    archive.add("template.yaml", template.text.as_bytes())?;
    for binary in &template.binaries {
        let program = workspace.program(binary, architecture)?;
        archive.add_program(&format!("{}/bootstrap", template::folder(binary)), &program)?;
    }
    let command_line = workspace.program("envcache", architecture)?;
    archive.add_program("bin/envcache", &command_line)?;
    for path in workspace.tracked_files(&UNCHANGED)? {
        archive.add(&path, &workspace.bytes(&path)?)?;
    }
    let licenses = licenses::text(&dependencies)?;
    archive.add("THIRD-PARTY-LICENSES.txt", licenses.as_bytes())?;
    archive.add("RUST-COPYRIGHT.html", &workspace.rust_copyright()?)?;
    let sbom = sbom::json(&dependencies, &workspace)?;
    archive.add("sbom.cdx.json", sbom.as_bytes())?;
    let path = archive.write(&workspace.path("target/release-archive"))?;
    println!("{}", path.display());
    Ok(())
}

/// Returns the archive's README. In the repository, it is in a folder of its own.
fn readme() -> String {
    include_str!("../README.md").replace("](../", "](")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{UNCHANGED, Workspace, readme};

    /// Returns the paths that a page in a folder of the archive links to.
    fn links(folder: &str, page: &str) -> Vec<String> {
        page.split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|link| !link.starts_with("https://") && !link.starts_with('#'))
            .map(|link| link.split('#').next().unwrap_or(link))
            .map(|link| match link.strip_prefix("../") {
                Some(path) => path.to_owned(),
                None if folder.is_empty() => link.to_owned(),
                None => format!("{folder}/{link}"),
            })
            .collect()
    }

    #[test]
    fn every_link_of_a_packaged_page_leads_to_packaged_files() {
        let workspace = Workspace::find().expect("the workspace");
        let mut packaged: BTreeSet<_> = workspace
            .tracked_files(&UNCHANGED)
            .expect("the files")
            .into_iter()
            .collect();
        packaged.extend(["README.md", "template.yaml"].map(str::to_owned));
        let is_page = |path: &&String| Path::new(path).extension() == Some("md".as_ref());
        for page in packaged.iter().filter(is_page) {
            let text = match page.as_str() {
                "README.md" => readme(),
                _ => workspace.text(page).expect("a page"),
            };
            let folder = Path::new(page).parent().and_then(Path::to_str);

            for link in links(folder.unwrap_or_default(), &text) {
                let is_packaged = packaged
                    .iter()
                    .any(|path| *path == link || path.starts_with(&format!("{link}/")));
                assert!(is_packaged, "{page}: {link}");
            }
        }
    }
}
