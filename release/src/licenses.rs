//! The licenses of the linked code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use cargo_metadata::Package;
use spdx::Expression;

use crate::dependencies::Dependencies;
use crate::linker::Zig;

/// The beginnings of the names of files that contain a license or a notice, in lower case.
const FILES: [&str; 5] = ["copying", "copyright", "license", "notice", "unlicense"];

/// Returns every license text with the crates and libraries that it applies to.
///
/// A text is what the crate's authors publish with it. For a crate without one, it is SPDX's text of its license.
///
/// # Errors
/// Returns an error if a crate names no license.
pub fn text(dependencies: &Dependencies, zig: &Zig) -> Result<String> {
    let mut owners_by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut text = "The programs in this archive contain Rust's standard library (see RUST-COPYRIGHT.html), and this \
                    code:\n\n"
        .to_owned();
    for (library, license) in zig.libraries()? {
        let name = format!("{} (Zig {})", library.name, zig.version);
        writeln!(text, "{name}: {}, {}", library.license, library.content)?;
        owners_by_text.entry(license).or_default().push(name);
    }
    for linked in dependencies.packages.values() {
        let package = &linked.package;
        let name = format!("{} {}", package.name, package.version);
        let license = license(package)?;
        let source = package.repository.as_deref().unwrap_or("https://crates.io");
        writeln!(text, "{name}: {license}, {source}")?;
        for published in published(package)? {
            let owners = owners_by_text.entry(published).or_default();
            owners.push(name.clone());
        }
    }
    for (license, owners) in owners_by_text {
        let line = "-".repeat(80);
        writeln!(text, "\n{line}\n{}\n{line}\n\n{license}", owners.join(", "))?;
    }
    Ok(text)
}

/// Returns a crate's license as an SPDX expression.
///
/// # Errors
/// Returns an error if the crate names none.
pub fn license(package: &Package) -> Result<String> {
    let license = package
        .license
        .as_deref()
        .with_context(|| format!("{} names no license", package.name))?;
    // The form before SPDX expressions: `MIT/Apache-2.0`.
    Ok(license.replace('/', " OR "))
}

fn published(package: &Package) -> Result<Vec<String>> {
    let folder = package
        .manifest_path
        .parent()
        .context("a manifest is in a folder")?;
    let mut texts = files(folder.as_std_path())?;
    if texts.is_empty() {
        let license = license(package)?;
        let expression =
            Expression::parse(&license).map_err(|error| anyhow!("{}: {error}", package.name))?;
        texts = expression
            .requirements()
            .filter_map(|requirement| requirement.req.license.id())
            .map(|id| id.text().trim().to_owned())
            .collect();
    }
    ensure!(!texts.is_empty(), "{} has no license text", package.name);
    Ok(texts)
}

/// Returns the texts of the licenses in a folder, and below it: a crate may contain code of others.
fn files(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if entry.path().is_dir() {
            texts.extend(files(&entry.path())?);
        } else if FILES.iter().any(|file| name.starts_with(file)) {
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).replace('\r', "");
            texts.push(text.trim().to_owned());
        }
    }
    texts.sort();
    texts.dedup();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::architecture::Architecture;
    use crate::dependencies::Dependencies;
    use crate::linker::Zig;
    use crate::workspace::Workspace;

    #[test]
    fn linked_code_has_its_license_text() {
        let workspace = Workspace::find().expect("the workspace");
        let dependencies =
            Dependencies::of_release(&workspace, Architecture::X86_64).expect("crates");

        let zig = Zig::find(&workspace).expect("Zig");

        let text = text(&dependencies, &zig).expect("licenses");

        let (list, texts) = text.split_once("\n---").expect("a list and texts");
        for (name, version) in dependencies.packages.keys() {
            let found = format!("{name} {version}");
            assert!(list.contains(&found) && texts.contains(&found), "{found}");
        }
        for library in ["zig (Zig", "libunwind (Zig", "glibc (Zig"] {
            assert!(
                list.contains(library) && texts.contains(library),
                "{library}"
            );
        }
        // Of the code in `ring` that its authors copied from others.
        assert!(
            texts.contains("the fiat-crypto authors"),
            "a license in a subfolder"
        );
    }
}
