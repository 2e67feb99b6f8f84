//! Reads the CloudFormation template as data.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::Workspace;

/// Returns `template.yaml` as JSON. JSON has no tags, so `intrinsic` returns the value of each intrinsic function, such as
/// `!Sub …`, from its name (`Sub`) and its argument.
///
/// # Errors
/// Returns an error if the file isn't a template.
pub fn read(intrinsic: fn(&str, &Value) -> Value) -> Result<Value> {
    let path = Workspace::root().join("template.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    to_json(serde_yaml_ng::from_str(&text)?, intrinsic)
}

fn to_json(value: Yaml, intrinsic: fn(&str, &Value) -> Value) -> Result<Value> {
    Ok(match value {
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            intrinsic(
                name.trim_start_matches('!'),
                &to_json(tagged.value, intrinsic)?,
            )
        }
        Yaml::Mapping(fields) => fields
            .into_iter()
            .map(|(key, value)| {
                let key = key.as_str().context("a key isn't text")?;
                Ok((key.to_owned(), to_json(value, intrinsic)?))
            })
            .collect::<Result<Map<_, _>>>()?
            .into(),
        Yaml::Sequence(elements) => elements
            .into_iter()
            .map(|element| to_json(element, intrinsic))
            .collect::<Result<_>>()?,
        scalar => serde_json::to_value(scalar)?,
    })
}
