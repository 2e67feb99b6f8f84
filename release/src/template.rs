//! The template of an archive: it names built functions instead of their source.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// The lines between a function's type and its properties, before and after the name of its binary.
const BUILD: &str =
    "    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: ";
const PROPERTIES: &str = "\n    Properties:\n";
/// The default of every function's source.
const SOURCE: &str = "    CodeUri: .\n";
/// The values of the parameter `Architecture`.
const ARCHITECTURES: &str = "    Default: x86_64
    Description: Processor architecture of the functions.
    AllowedValues:
      - x86_64
      - arm64
";

/// A template that `sam deploy` can deploy without building anything.
#[derive(Debug)]
pub struct Packaged {
    pub text: String,
    /// The functions' binaries, such as `resolve-network`, in the template's order.
    pub binaries: Vec<String>,
}

impl Packaged {
    /// Reads the source template.
    ///
    /// # Errors
    /// Returns an error if the template isn't formatted as expected, or if the architecture is unknown.
    pub fn read(path: &Path, architecture: &str) -> Result<Self> {
        let source = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::from_source(&source, architecture)
    }

    /// Replaces the source of each function by its folder in the archive, and allows only the functions' architecture.
    fn from_source(source: &str, architecture: &str) -> Result<Self> {
        if !["x86_64", "arm64"].contains(&architecture) {
            bail!("unknown architecture: `{architecture}`. Use x86_64 or arm64");
        }
        let only = format!(
            "    Default: {architecture}
    Description: Processor architecture of this archive's functions.
    AllowedValues:
      - {architecture}
"
        );
        let source = replace_once(source, ARCHITECTURES, &only)?;
        let source = replace_once(&source, SOURCE, "")?;
        let mut parts = source.split(BUILD);
        let mut text = parts.next().unwrap_or_default().to_owned();
        let mut binaries = Vec::new();
        for part in parts {
            let (binary, rest) = part
                .split_once(PROPERTIES)
                .filter(|(binary, _)| !binary.contains('\n'))
                .context("a function's properties must follow its binary")?;
            text.push_str(PROPERTIES.trim_start_matches('\n'));
            writeln!(text, "      CodeUri: {}", folder(binary))?;
            text.push_str(rest);
            binaries.push(binary.to_owned());
        }
        let functions = source.matches("Type: AWS::Serverless::Function\n").count();
        ensure!(
            binaries.len() == functions,
            "{functions} functions, but {} binaries",
            binaries.len()
        );
        Ok(Self { text, binaries })
    }
}

/// Returns a function's folder in the archive.
pub fn folder(binary: &str) -> String {
    format!("functions/{binary}")
}

fn replace_once(text: &str, from: &str, to: &str) -> Result<String> {
    let found = text.matches(from).count();
    ensure!(found == 1, "the template has {found} times:\n{from}");
    Ok(text.replacen(from, to, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../template.yaml");

    #[test]
    fn every_function_has_its_folder() {
        let packaged = Packaged::from_source(TEMPLATE, "x86_64").expect("a template");

        let functions = TEMPLATE.matches("AWS::Serverless::Function\n").count();
        assert_eq!(packaged.binaries.len(), functions);
        for binary in &packaged.binaries {
            let code = format!("\n    Properties:\n      CodeUri: functions/{binary}\n");
            assert_eq!(packaged.text.matches(&code).count(), 1, "{binary}");
        }
        assert!(!packaged.text.contains("BuildMethod"));
    }

    #[test]
    fn only_the_architecture_of_the_functions_is_allowed() {
        let packaged = Packaged::from_source(TEMPLATE, "arm64").expect("a template");

        let (_, parameter) = packaged
            .text
            .split_once("\n  Architecture:\n")
            .expect("the parameter");
        let (parameter, _) = parameter
            .split_once("\n  LogRetentionDays:")
            .expect("the next parameter");
        assert!(parameter.contains("Default: arm64"), "{parameter}");
        assert!(!parameter.contains("x86_64"), "{parameter}");
    }

    #[test]
    fn rejects_an_unknown_architecture_or_another_format() {
        let other_format = TEMPLATE.replace("        Binary: resolve-network\n", "");
        for (template, architecture) in [(TEMPLATE, "x86"), (other_format.as_str(), "x86_64")] {
            assert!(Packaged::from_source(template, architecture).is_err());
        }
    }
}
