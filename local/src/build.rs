//! Prepares the stack for `sam deploy` as `sam build` does, but with the functions that cargo has built for this machine.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{Workspace, template};

/// Writes the template and a folder with a `bootstrap` for each function, and returns the template's path.
///
/// A `bootstrap` executes cargo's own build of the function. So nothing is compiled a second time, copied, or compressed.
///
/// # Errors
/// Returns an error that names the missing program if a function isn't built.
pub fn write(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let mut template = template::read(long_form)?;
    let resources = template["Resources"]
        .as_object_mut()
        .context("the template has no resources")?;
    for (name, resource) in resources {
        match resource["Type"].as_str() {
            Some("AWS::Serverless::Function") => {
                let program = program(resource)?;
                let code = folder.join(name);
                write_script(&code, &format!("exec '{}'", program.display()))?;
                resource["Properties"]["CodeUri"] = json!(code);
            }
            Some("AWS::Serverless::StateMachine") => {
                let definition = &mut resource["Properties"]["DefinitionUri"];
                let path = definition.as_str().context("DefinitionUri is a path")?;
                *definition = json!(workspace.file(path));
            }
            _ => {}
        }
    }
    // Otherwise SAM expects a folder for the functions as a whole.
    if let Some(defaults) = template["Globals"]["Function"].as_object_mut() {
        defaults.remove("CodeUri");
    }
    let path = folder.join("template.json");
    fs::write(&path, Value::to_string(&template))?;
    Ok(path)
}

/// Writes a function whose `bootstrap` is a shell script with this command.
///
/// # Errors
/// Returns an error if the folder can't be written.
pub fn write_script(code: &Path, command: &str) -> Result<()> {
    fs::create_dir_all(code)?;
    let bootstrap = code.join("bootstrap");
    fs::write(&bootstrap, format!("#!/bin/sh\n{command}\n"))?;
    fs::set_permissions(&bootstrap, Permissions::from_mode(0o755))?;
    Ok(())
}

/// Returns the form of an intrinsic function that JSON has: `{"Fn::Sub": …}` for `!Sub …`.
fn long_form(name: &str, argument: &Value) -> Value {
    let attribute = argument.as_str().and_then(|text| text.split_once('.'));
    match (name, attribute) {
        ("Ref" | "Condition", _) => json!({ name: argument }),
        ("GetAtt", Some((resource, attribute))) => json!({ "Fn::GetAtt": [resource, attribute] }),
        _ => json!({ format!("Fn::{name}"): argument }),
    }
}

/// Returns the path of a function's program, which the template names for `sam build`.
///
/// # Errors
/// Returns an error that names the missing program if it isn't built.
pub fn function(logical_id: &str) -> Result<PathBuf> {
    let template = template::read(long_form)?;
    program(&template["Resources"][logical_id]).with_context(|| logical_id.to_owned())
}

fn program(function: &Value) -> Result<PathBuf> {
    let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str();
    Workspace::program(binary.context("a function names its binary")?)
}
