//! Packages a release (`make release`): an archive from which `sam deploy` deploys the stack without Rust.
//!
//! It packages what `cargo lambda build` has built for the architecture in the first argument, `x86_64` or `arm64`, and
//! writes the archive and its checksum into `target/release-archive`.

mod architecture;
mod archive;
mod dependencies;
mod licenses;
mod linker;
mod sbom;
mod template;
mod workspace;

use anyhow::{Context, Result};

use architecture::Architecture;
use archive::Archive;
use dependencies::Dependencies;
use linker::Zig;
use workspace::Workspace;

/// The files and folders of the repository that are packaged unchanged.
const UNCHANGED: [&str; 6] = [
    "CHANGELOG.md",
    "LICENSE",
    "SECURITY.md",
    "docs",
    "events",
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
    archive.add("README.md", readme()?.as_bytes())?;
    archive.add("template.yaml", template.text.as_bytes())?;
    let settings = deployment_settings(&workspace.text("samconfig.toml")?);
    archive.add("samconfig.toml", settings.as_bytes())?;
    for binary in &template.binaries {
        let program = workspace.program(binary, architecture)?;
        archive.add_program(&format!("{}/bootstrap", template::folder(binary)), &program)?;
    }
    let command_line = workspace.program("envcache", architecture)?;
    archive.add_program("bin/envcache", &command_line)?;
    for path in workspace.tracked_files(&UNCHANGED)? {
        archive.add(&path, &workspace.bytes(&path)?)?;
    }
    let zig = Zig::find(&workspace)?;
    let licenses = licenses::text(&dependencies, &zig)?;
    archive.add("THIRD-PARTY-LICENSES.txt", licenses.as_bytes())?;
    archive.add("RUST-COPYRIGHT.html", &workspace.rust_copyright()?)?;
    let sbom = sbom::json(&dependencies, &zig, &workspace)?;
    archive.add("sbom.cdx.json", sbom.as_bytes())?;
    let path = archive.write(&workspace.path("target/release-archive"))?;
    println!("{}", path.display());
    Ok(())
}

/// Returns the settings of `sam deploy`, without those of `sam build` and `sam validate`, which need a checkout.
fn deployment_settings(settings: &str) -> String {
    settings
        .split_inclusive("\n\n")
        .filter(|section| {
            !["[default.build.", "[default.validate."]
                .iter()
                .any(|other| section.starts_with(other))
        })
        .collect()
}

/// The sections of the repository's README that the archive's README contains too.
const SECTIONS: [&str; 7] = [
    "Create a cache",
    "Read the endpoint from ECS",
    "Update, preview, retry, adopt",
    "Remove a cache",
    "Errors",
    "Limitations",
    "Costs and permissions",
];

/// Returns the archive's README.
///
/// # Errors
/// Returns an error if the repository's README lacks a section.
fn readme() -> Result<String> {
    let repository = include_str!("../../README.md");
    let sections = SECTIONS
        .into_iter()
        .map(|heading| section(repository, heading))
        .collect::<Result<Vec<_>>>()?;
    // In the repository, it is in a folder of its own.
    let own = include_str!("../README.md").replace("](../", "](");
    let lines = own.lines().map(|line| {
        if line.starts_with("<!-- ") {
            sections.join("\n")
        } else {
            format!("{line}\n")
        }
    });
    Ok(lines.collect())
}

/// Returns a section of a page, with its heading.
///
/// # Errors
/// Returns an error if the page doesn't have the section.
fn section<'a>(page: &'a str, heading: &str) -> Result<&'a str> {
    let line = format!("\n## {heading}\n");
    let start = page.find(&line).with_context(|| heading.to_owned())? + 1;
    let end = page[start..]
        .find("\n## ")
        .map_or(page.len(), |length| start + length + 1);
    Ok(page[start..end].trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{SECTIONS, UNCHANGED, Workspace, deployment_settings, readme, section};

    /// Returns the paths and the anchors that a page in a folder of the archive links to.
    fn links(folder: &str, page: &str) -> Vec<(String, String)> {
        page.split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|link| !link.starts_with("https://"))
            .map(|link| link.split_once('#').unwrap_or((link, "")))
            .filter(|(path, _)| !path.is_empty() || folder.is_empty())
            .map(|(path, anchor)| {
                let path = match path.strip_prefix("../") {
                    Some(path) => path.to_owned(),
                    None if path.is_empty() => "README.md".to_owned(),
                    None if folder.is_empty() => path.to_owned(),
                    None => format!("{folder}/{path}"),
                };
                (path, anchor.to_owned())
            })
            .collect()
    }

    #[test]
    fn settings_are_those_of_the_deployment() {
        let workspace = Workspace::find().expect("the workspace");

        let settings = deployment_settings(&workspace.text("samconfig.toml").expect("a file"));

        let headings: Vec<_> = settings
            .lines()
            .filter(|line| line.starts_with('['))
            .collect();
        assert_eq!(
            headings,
            ["[default.global.parameters]", "[default.deploy.parameters]"]
        );
        assert!(settings.contains("stack_name = \"envcache\""), "{settings}");
    }

    #[test]
    fn readme_has_the_sections_of_the_repository() {
        let repository = include_str!("../../README.md");

        let text = readme().expect("a README");

        for heading in SECTIONS {
            let section = section(repository, heading).expect(heading);
            assert!(section.lines().count() > 3, "{heading} has no text");
            assert_eq!(text.matches(section).count(), 1, "{heading}");
        }
        assert!(!text.contains("<!--"), "{text}");
        assert!(!text.contains("](../"), "{text}");
    }

    #[test]
    fn every_link_of_a_packaged_page_leads_to_packaged_files() {
        let workspace = Workspace::find().expect("the workspace");
        let mut packaged: BTreeSet<_> = workspace
            .tracked_files(&UNCHANGED)
            .expect("the files")
            .into_iter()
            .collect();
        packaged.extend(["README.md", "samconfig.toml", "template.yaml"].map(str::to_owned));
        let is_page = |path: &&String| Path::new(path).extension() == Some("md".as_ref());
        for page in packaged.iter().filter(is_page) {
            let text = match page.as_str() {
                "README.md" => readme().expect("a README"),
                _ => workspace.text(page).expect("a page"),
            };
            let folder = Path::new(page).parent().and_then(Path::to_str);

            for (link, anchor) in links(folder.unwrap_or_default(), &text) {
                let is_packaged = packaged
                    .iter()
                    .any(|path| *path == link || path.starts_with(&format!("{link}/")));
                assert!(is_packaged, "{page}: {link}");
                // Those of other pages are the same in the repository, where a test checks them.
                if link == "README.md" && !anchor.is_empty() {
                    let heading = format!("\n## {}\n", anchor.replace('-', " "));
                    let headings = readme().expect("a README").to_lowercase();
                    assert!(headings.contains(&heading), "{page}: {link}#{anchor}");
                }
            }
        }
    }
}
