//! The template of an archive: it names built functions instead of their source.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use crate::architecture::Architecture;

/// The beginning of a function's metadata, which `sam build` reads.
const METADATA: &str = "    Metadata:\n";
/// The lines of the metadata before the name of the function's binary.
const BUILD: &str = "      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: ";
const PROPERTIES: &str = "    Properties:\n";
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
    /// The template in YAML.
    pub text: String,
    /// The functions' binaries, such as `resolve-network`, in the template's order.
    pub binaries: Vec<String>,
}

impl Packaged {
    /// Replaces the source of each function by its folder in the archive, and allows only the functions' architecture.
    ///
    /// # Errors
    /// Returns an error if the template isn't formatted as expected.
    pub fn from_source(source: &str, architecture: Architecture) -> Result<Self> {
        let architecture = architecture.name();
        let only = format!(
            "    Default: {architecture}
    Description: Processor architecture of this archive's functions.
    AllowedValues:
      - {architecture}
"
        );
        let source = replace_once(source, ARCHITECTURES, &only)?;
        let source = replace_once(&source, SOURCE, "")?;
        let methods = source.matches(BUILD).count();
        ensure!(
            source.matches(&format!("{METADATA}{BUILD}")).count() == methods,
            "a function's metadata must begin with how it is built"
        );
        let mut parts = source.split(BUILD);
        let mut text = parts.next().unwrap_or_default().to_owned();
        let mut binaries = Vec::new();
        for part in parts {
            let (binary, rest) = part.split_once('\n').context("a binary")?;
            let (metadata, rest) = rest
                .split_once(PROPERTIES)
                .context("a function's properties follow its metadata")?;
            // The metadata may also have settings of linters.
            if metadata.is_empty() {
                text.truncate(text.len() - METADATA.len());
            }
            writeln!(
                text,
                "{metadata}{PROPERTIES}      CodeUri: {}",
                folder(binary)
            )?;
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
    ensure!(
        found == 1,
        "the template contains this {found} times instead of once:\n{from}"
    );
    Ok(text.replacen(from, to, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../template.yaml");

    #[test]
    fn every_function_has_its_folder() {
        let packaged = Packaged::from_source(TEMPLATE, Architecture::X86_64).expect("a template");

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
        let packaged = Packaged::from_source(TEMPLATE, Architecture::Arm64).expect("a template");

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
    fn rejects_a_template_of_another_format() {
        let other_formats = [
            TEMPLATE.replace("        Binary: resolve-network\n", ""),
            TEMPLATE.replace(SOURCE, "    CodeUri: functions\n"),
        ];
        for template in other_formats {
            assert!(Packaged::from_source(&template, Architecture::X86_64).is_err());
        }
    }
}
