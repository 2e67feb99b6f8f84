//! The crates that are linked into the programs of a release.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::DependencyKind::Normal;
use cargo_metadata::{CargoOpt, MetadataCommand, Package, PackageId};

use crate::architecture::Architecture;
use crate::workspace::Workspace;

/// A crate's name and version.
pub type Key = (String, String);

/// The linked crates of other authors.
pub struct Dependencies {
    /// All of them.
    pub packages: BTreeMap<Key, Linked>,
    /// Those that envcache's own code uses.
    pub direct: BTreeSet<Key>,
}

/// A linked crate.
pub struct Linked {
    /// What cargo knows of it.
    pub package: Package,
    /// Its SHA-256 checksum in `Cargo.lock`, in hexadecimal.
    pub checksum: String,
    /// The linked crates that it uses.
    pub uses: BTreeSet<Key>,
}

impl Dependencies {
    /// Returns the crates of other authors that are linked into the functions and the command line.
    ///
    /// # Errors
    /// Returns an error if cargo fails, or if a crate isn't from crates.io.
    pub fn of_release(workspace: &Workspace, architecture: Architecture) -> Result<Self> {
        let target = architecture.target();
        let metadata = MetadataCommand::new()
            .manifest_path(workspace.path("Cargo.toml"))
            .features(CargoOpt::AllFeatures)
            .other_options(vec![
                "--locked".to_owned(),
                format!("--filter-platform={target}"),
            ])
            .exec()?;
        let linked = linked(workspace, target)?;
        let checksums = checksums(&workspace.text("Cargo.lock")?);
        let by_id: BTreeMap<&PackageId, &Package> = metadata
            .packages
            .iter()
            .map(|package| (&package.id, package))
            .collect();
        let nodes = &metadata
            .resolve
            .as_ref()
            .context("cargo resolved nothing")?
            .nodes;
        let is_own = |package: &Package| package.source.is_none();
        let (mut packages, mut direct) = (BTreeMap::new(), BTreeSet::new());
        for node in nodes {
            let package = by_id[&node.id];
            if !linked.contains(&key(package)) {
                continue;
            }
            let uses = node
                .deps
                .iter()
                .filter(|used| used.dep_kinds.iter().any(|kind| kind.kind == Normal))
                .map(|used| by_id[&used.pkg])
                .filter(|used| !is_own(used) && linked.contains(&key(used)))
                .map(key)
                .collect::<BTreeSet<_>>();
            if is_own(package) {
                direct.extend(uses);
                continue;
            }
            let checksum = checksums
                .get(&key(package))
                .with_context(|| format!("Cargo.lock has no checksum of {}", package.name))?;
            let linked = Linked {
                package: package.clone(),
                checksum: checksum.clone(),
                uses,
            };
            packages.insert(key(package), linked);
        }
        Ok(Self { packages, direct })
    }
}

fn key(package: &Package) -> Key {
    (package.name.to_string(), package.version.to_string())
}

/// Returns the names and versions of all crates that are linked into the programs. Unlike the metadata, `cargo tree` uses
/// only the features that these programs need.
fn linked(workspace: &Workspace, target: &str) -> Result<BTreeSet<Key>> {
    let mut linked = BTreeSet::new();
    // Procedural macros run in the compiler.
    let tree = "tree --locked --edges normal,no-proc-macro --prefix none --format {p} --target";
    let tree: Vec<_> = tree.split(' ').chain([target]).collect();
    // The functions are the workspace's default members.
    for packages in [&[][..], &["--package", "envcache"]] {
        let crates = workspace.output("cargo", &[&tree, packages].concat())?;
        for line in crates.lines() {
            // Such as `serde v1.0.229`.
            let mut words = line.split(' ');
            if let (Some(name), Some(version)) = (words.next(), words.next()) {
                linked.insert((name.to_owned(), version.trim_start_matches('v').to_owned()));
            }
        }
    }
    Ok(linked)
}

/// Returns the checksums in `Cargo.lock`, by name and version.
fn checksums(lock: &str) -> BTreeMap<Key, String> {
    let value = |line: &str, name: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(" = \"")?;
        value.strip_suffix('"').map(str::to_owned)
    };
    lock.split("[[package]]")
        .filter_map(|package| {
            let field = |name| package.lines().find_map(|line| value(line, name));
            Some(((field("name")?, field("version")?), field("checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_linked_crates_and_no_others() {
        let workspace = Workspace::find().expect("the workspace");

        let found = Dependencies::of_release(&workspace, Architecture::X86_64).expect("crates");

        let names: BTreeSet<_> = found
            .packages
            .keys()
            .map(|(name, _)| name.as_str())
            .collect();
        for linked in ["aws-sdk-ec2", "aws-sdk-cloudformation", "ring"] {
            assert!(names.contains(linked), "{linked}");
        }
        // A procedural macro, a build dependency, and dependencies of the simulator and of the tests.
        for other in ["serde_derive", "cc", "rcgen", "proptest", "envcache"] {
            assert!(!names.contains(other), "{other}");
        }
        for (key, linked) in &found.packages {
            let unknown = linked
                .uses
                .iter()
                .find(|used| !found.packages.contains_key(*used));
            assert_eq!(unknown, None, "{key:?} uses a crate that isn't listed");
        }
        assert!(
            found
                .direct
                .iter()
                .any(|(name, _)| name == "lambda_runtime")
        );
    }

    #[test]
    fn reads_checksums_of_packages_that_have_one() {
        let lock = "version = 4

[[package]]
name = \"serde\"
version = \"1.0.229\"
source = \"registry+https://github.com/rust-lang/crates.io-index\"
checksum = \"ab12\"

[[package]]
name = \"envcache\"
version = \"0.1.0\"
";

        let found = checksums(lock);

        let expected = (
            ("serde".to_owned(), "1.0.229".to_owned()),
            "ab12".to_owned(),
        );
        assert_eq!(found, BTreeMap::from([expected]));
    }
}
