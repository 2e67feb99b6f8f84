//! Service models in botocore's format: <https://github.com/boto/botocore/tree/develop/botocore/data>.
//!
//! It is the format of AWS's older SDKs, in which a shape's `locationName` is its name on the wire. The traits have the
//! same meaning as [Smithy's](https://smithy.io/2.0/spec/constraint-traits.html).

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, read_dir};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use chrono::DateTime;
use fancy_regex::Regex;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use crate::Workspace;

/// A service's operations and shapes.
#[derive(Debug, Deserialize)]
pub struct Service {
    pub metadata: Metadata,
    pub operations: HashMap<String, Operation>,
    pub shapes: HashMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub api_version: String,
    pub protocol: Wire,
}

/// The protocol of a service's requests and responses.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    Query,
    Ec2,
    Json,
}

#[derive(Debug, Deserialize)]
pub struct Operation {
    pub input: Member,
    pub output: Option<Member>,
    #[serde(default)]
    pub errors: Vec<Member>,
}

/// A reference to a shape, from an operation or another shape.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub shape: String,
    /// The name on the wire, if it differs from the member's name.
    pub location_name: Option<String>,
    /// The name in an EC2 request, if it differs from both.
    pub query_name: Option<String>,
    /// The element that contains an operation's output in a query response.
    pub result_wrapper: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: Kind,
    /// A structure's members.
    #[serde(default)]
    pub members: BTreeMap<String, Member>,
    #[serde(default)]
    pub required: Vec<String>,
    /// Whether exactly one member of a structure must be present.
    #[serde(default)]
    pub union: bool,
    /// The name on the wire of members that refer to this shape and have no name on the wire themselves.
    pub location_name: Option<String>,
    /// A list's members.
    pub member: Option<Member>,
    /// A map's keys.
    pub key: Option<Member>,
    /// A map's values.
    pub value: Option<Member>,
    /// A string's allowed values.
    #[serde(rename = "enum", default)]
    pub values: Vec<String>,
    /// The minimum number, length, or count of members.
    pub min: Option<f64>,
    /// The maximum number, length, or count of members.
    pub max: Option<f64>,
    pub pattern: Option<Pattern>,
    /// An error's code and HTTP status.
    pub error: Option<ErrorTrait>,
    /// Whether an error is a server error.
    #[serde(default)]
    pub fault: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Structure,
    List,
    Map,
    String,
    Boolean,
    Integer,
    Long,
    Float,
    Double,
    Timestamp,
    Blob,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorTrait {
    pub code: Option<String>,
    pub http_status_code: Option<u16>,
}

/// A regular expression that a part of a string must match: patterns are
/// [not anchored](https://smithy.io/2.0/spec/constraint-traits.html#pattern-trait).
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub struct Pattern {
    pub source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(source: String) -> Self {
        Self {
            source,
            compiled: OnceLock::new(),
        }
    }
}

impl Pattern {
    /// Returns the compiled pattern, or `None` if it can't be compiled.
    pub fn compiled(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| Regex::new(&translated(&self.source)).ok())
            .as_ref()
    }

    /// Returns whether a text matches. A pattern that can't be compiled matches every text; a test lists those patterns.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled()
            .is_none_or(|regex| regex.is_match(text).unwrap_or(true))
    }
}

/// Translates UTF-16 surrogate ranges, which Java and JavaScript use, to Rust's notation.
fn translated(pattern: &str) -> String {
    pattern.replace("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\\u{10000}-\\u{10FFFF}")
}

impl Service {
    /// Reads the newest model of a service, by its name in botocore, from the virtual environment.
    ///
    /// # Errors
    /// Returns an error if botocore isn't installed there, or the model has another format.
    pub fn read(name: &str) -> Result<Self> {
        serde_json::from_str(&text(name)?)
            .with_context(|| format!("could not parse botocore's model of `{name}`"))
    }

    /// Returns the shape that a reference refers to.
    pub fn shape(&self, member: &Member) -> Option<&Shape> {
        self.shapes.get(&member.shape)
    }

    /// Returns a member's name on the wire, if it differs from the model's.
    pub fn location_name<'a>(&'a self, member: &'a Member) -> Option<&'a str> {
        member
            .location_name
            .as_deref()
            .or_else(|| self.shape(member)?.location_name.as_deref())
    }
}

/// Returns a service's newest model as JSON.
///
/// # Errors
/// Returns an error if botocore isn't installed.
pub fn text(name: &str) -> Result<String> {
    let path = path_of(name)
        .with_context(|| format!("botocore's model of `{name}` is missing. Run `make tools`"))?;
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| GzDecoder::new(file).read_to_string(&mut text))
        .with_context(|| format!("could not read `{}`", path.display()))?;
    Ok(text)
}

fn path_of(name: &str) -> Option<PathBuf> {
    let python = entries(&Workspace::root().join(".venv/lib"))
        .into_iter()
        .find(|path| path.join("site-packages/botocore").exists())?;
    // API versions are dates, so the newest is the last.
    entries(&python.join("site-packages/botocore/data").join(name))
        .into_iter()
        .map(|version| version.join("service-2.json.gz"))
        .rfind(|path| path.exists())
}

/// Returns a folder's entries, sorted by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}

/// Parses a text as a scalar of this kind. Returns the text itself if it can't be parsed.
pub fn scalar(kind: Kind, text: &str) -> Value {
    let read = match kind {
        Kind::Boolean => text.parse::<bool>().ok().map(Value::from),
        Kind::Integer | Kind::Long => text.parse::<i64>().ok().map(Value::from),
        Kind::Float | Kind::Double => text.parse::<f64>().ok().map(Value::from),
        // https://smithy.io/2.0/aws/protocols/aws-query-protocol.html: `date-time` is the default.
        Kind::Timestamp => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| Value::from(time.timestamp())),
        Kind::Structure | Kind::List | Kind::Map | Kind::String | Kind::Blob => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}
