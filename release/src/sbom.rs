//! The bill of materials of a release.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};

use crate::dependencies::{Dependencies, Key};
use crate::licenses::license;
use crate::linker::Zig;
use crate::workspace::Workspace;

/// The reference of envcache itself.
const ENVCACHE: &str = "envcache";

/// Returns the bill of materials in `CycloneDX`'s JSON format: <https://cyclonedx.org/docs/1.6/json/>.
///
/// # Errors
/// Returns an error if a crate names no license, or if git or rustc fails.
pub fn json(dependencies: &Dependencies, zig: &Zig, workspace: &Workspace) -> Result<String> {
    let rust_version = workspace.rust_version()?;
    let standard_library = format!("pkg:generic/rust-std@{rust_version}");
    let packages = &dependencies.packages;
    let mut components = packages
        .values()
        .map(|linked| {
            let package = &linked.package;
            let reference = purl(&package.name, &package.version.to_string());
            Ok(json!({
                "type": "library",
                "bom-ref": reference,
                "name": package.name,
                "version": package.version,
                "purl": reference,
                "licenses": [{ "expression": license(package)? }],
                "hashes": [{ "alg": "SHA-256", "content": linked.checksum }],
            }))
        })
        .collect::<Result<Vec<Value>>>()?;
    let references = |keys: &BTreeSet<Key>| -> Vec<String> {
        keys.iter()
            .map(|(name, version)| purl(name, version))
            .collect()
    };
    components.push(json!({
        "type": "library",
        "bom-ref": standard_library,
        "name": "rust-std",
        "version": rust_version,
        "purl": standard_library,
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    }));
    let mut direct = references(&dependencies.direct);
    direct.push(standard_library);
    // Zig doesn't publish the versions of the libraries that it contains, so they have Zig's.
    for (library, _) in zig.libraries()? {
        let reference = format!("pkg:generic/zig@{}#{}", zig.version, library.name);
        components.push(json!({
            "type": "library",
            "bom-ref": reference,
            "name": library.name,
            "version": zig.version,
            "description": format!("{}, from Zig {}", library.content, zig.version),
            "purl": reference,
            "licenses": [{ "expression": library.license }],
        }));
        direct.push(reference);
    }
    let mut graph = vec![json!({ "ref": ENVCACHE, "dependsOn": direct })];
    graph.extend(packages.iter().map(|((name, version), linked)| {
        json!({ "ref": purl(name, version), "dependsOn": references(&linked.uses) })
    }));
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            // The commit's, so that the same commit results in the same file.
            "timestamp": workspace.commit_time()?,
            "component": {
                "type": "application",
                "bom-ref": ENVCACHE,
                "name": ENVCACHE,
                "version": env!("CARGO_PKG_VERSION"),
                "purl": format!("pkg:generic/envcache@{}", env!("CARGO_PKG_VERSION")),
                "licenses": [{ "expression": env!("CARGO_PKG_LICENSE") }],
            },
        },
        "components": components,
        "dependencies": graph,
    });
    Ok(format!("{bom:#}\n"))
}

/// Returns a crate's package URL: <https://github.com/package-url/purl-spec>.
fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}
