//! A service's model, as botocore ships it:
//! <https://github.com/boto/botocore/tree/develop/botocore/data>.
//!
//! The format is that of AWS's older SDKs, in which a shape's `locationName` is its name on the wire. Its traits mean
//! what [Smithy's](https://smithy.io/2.0/spec/constraint-traits.html) mean.

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

/// How a service's requests and responses are written.
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
    /// Its name on the wire, if that is another one than the member's.
    pub location_name: Option<String>,
    /// Its name in a request to EC2, if that is yet another one.
    pub query_name: Option<String>,
    /// The element that a query response puts around an operation's output.
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
    /// Whether exactly one member of a structure is present.
    #[serde(default)]
    pub union: bool,
    /// The name on the wire of each member that refers to it and has no name of its own.
    pub location_name: Option<String>,
    /// A list's members.
    pub member: Option<Member>,
    /// A map's keys.
    pub key: Option<Member>,
    /// A map's values.
    pub value: Option<Member>,
    /// A string's values.
    #[serde(rename = "enum", default)]
    pub values: Vec<String>,
    /// The least number, length, or count of members.
    pub min: Option<f64>,
    /// The greatest number, length, or count of members.
    pub max: Option<f64>,
    pub pattern: Option<Pattern>,
    /// How an error is written, in the query protocol.
    pub error: Option<ErrorTrait>,
    /// Whether an error is the service's fault, and not the caller's.
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

/// A regular expression that some part of a string has to match: a pattern is
/// [not anchored](https://smithy.io/2.0/spec/constraint-traits.html#pattern-trait) by itself.
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
    /// The compiled pattern; none if it isn't valid here.
    pub fn compiled(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| Regex::new(&translated(&self.source)).ok())
            .as_ref()
    }

    /// Checks whether a text matches. A pattern that can't be compiled matches everything; a test counts those.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled()
            .is_none_or(|regex| regex.is_match(text).unwrap_or(true))
    }
}

/// Java's and JavaScript's UTF-16 notation of what lies beyond the Basic Multilingual Plane, as Rust's.
fn translated(pattern: &str) -> String {
    pattern.replace("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\\u{10000}-\\u{10FFFF}")
}

impl Service {
    /// Reads the newest model of a service, by botocore's name of it, from the virtual environment.
    ///
    /// # Errors
    /// Returns an error if botocore isn't installed there, or the model has another form.
    pub fn read(name: &str) -> Result<Self> {
        serde_json::from_str(&text(name)?).with_context(|| format!("botocore's model of `{name}`"))
    }

    /// Returns the shape that a reference is to.
    pub fn shape(&self, member: &Member) -> Option<&Shape> {
        self.shapes.get(&member.shape)
    }

    /// Returns a member's name on the wire, if that is another one than the model's.
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
        .with_context(|| format!("botocore's model of `{name}`: `make tools` installs it"))?;
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| GzDecoder::new(file).read_to_string(&mut text))
        .with_context(|| path.display().to_string())?;
    Ok(text)
}

fn path_of(name: &str) -> Option<PathBuf> {
    let python = entries(&Workspace::root().join(".venv/lib"))
        .into_iter()
        .find(|path| path.join("site-packages/botocore").exists())?;
    // API versions are dates: the newest is the last.
    entries(&python.join("site-packages/botocore/data").join(name))
        .into_iter()
        .map(|version| version.join("service-2.json.gz"))
        .rfind(|path| path.exists())
}

/// A folder's entries, sorted by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}

/// Reads a text as a scalar of this kind. What can't be read stays a text.
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
