//! Writes `docs/benchmarks.md`: one section for each part, between markers, so that a run can rewrite some parts alone.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result};
use envcache_tests::page;
use local::Workspace;

use crate::versions::{self, Program};

/// The result of a part. The page adds the heading, the commit, the machine, and the versions.
pub struct Section {
    /// The part's name, which is in the page's markers.
    pub marker: &'static str,
    /// What the result depends on besides envcache and the machine.
    pub programs: &'static [Program],
    pub text: String,
}

/// The sections in the page's order, each with its heading.
const SECTIONS: [(&str, &str); 5] = [
    ("cold-start", "Cold start and size"),
    ("options", "Build options"),
    ("polling", "Polling"),
    ("scale", "Scale"),
    ("comparison", "End-to-end comparison"),
];

const INTRODUCTION: &str = "# Benchmarks

envcache next to what users would use instead. Each section compares both sides in one run, so that their ratio holds on a slow or
busy machine too, and names its commit. `make bench` writes this page, except *Build options*, which `make bench PARTS=options`
measures, because it builds functions with each option. Don't edit the page.
";

/// What a run writes besides the code that it measures.
const RESULTS: [&str; 2] = ["docs/benchmarks.md", "docs/benchmarks"];

/// The page, and the commit that was checked out when the run began.
pub struct Page {
    path: PathBuf,
    commit: String,
}

impl Page {
    /// Begins the page before the long run, and stores the current commit.
    ///
    /// # Errors
    /// Returns an error if the checkout has uncommitted changes besides earlier results, because the page would name a
    /// commit that doesn't contain them.
    pub fn begin() -> Result<Self> {
        Ok(Self {
            path: Workspace::root().join(RESULTS[0]),
            commit: page::current_commit(&RESULTS)?,
        })
    }

    /// Replaces a section of the page. Creates the page if it doesn't exist.
    ///
    /// # Errors
    /// Returns an error if the page has no place for the section, or if it can't be written.
    pub fn write(&self, section: &Section) -> Result<()> {
        let page = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => empty_page(),
            page => page.with_context(|| self.path.display().to_string())?,
        };
        let versions = versions::in_words(section.programs);
        let stamp = stamp(&self.commit, &machine(), &versions);
        let page = with_section(&page, section, &stamp)
            .with_context(|| format!("the page has no markers of `{}`", section.marker))?;
        fs::write(&self.path, page).with_context(|| self.path.display().to_string())
    }
}

/// Returns the path of a plot. Creates its folder.
///
/// # Errors
/// Returns an error if the folder can't be created.
pub fn plot_file(name: &str) -> Result<PathBuf> {
    let folder = Workspace::root().join(RESULTS[1]);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder.join(format!("{name}.svg")))
}

/// Returns a table in Markdown. The first column is aligned to the left, the others to the right, as numbers are.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let rule: Vec<String> = (0..heading.len())
        .map(|index| (if index == 0 { "---" } else { "---:" }).to_owned())
        .collect();
    let mut lines = vec![line(&heading), line(&rule)];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

fn begin_of(marker: &str) -> String {
    format!("<!-- {marker} -->\n")
}

fn end_of(marker: &str) -> String {
    format!("<!-- end of {marker} -->\n")
}

/// Returns a page with an empty place for each section.
fn empty_page() -> String {
    let places = SECTIONS.map(|(marker, _)| format!("\n{}{}", begin_of(marker), end_of(marker)));
    format!("{INTRODUCTION}{}", places.concat())
}

/// Returns the page with the section in its place; none if it has no place.
fn with_section(page: &str, section: &Section, stamp: &str) -> Option<String> {
    let marker = section.marker;
    let (_, title) = SECTIONS.iter().find(|(known, _)| *known == marker)?;
    let begin = begin_of(marker);
    let end = end_of(marker);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    let text = section.text.trim();
    Some(format!(
        "{before}{begin}\n## {title}\n\n{stamp}\n\n{text}\n\n{end}{after}"
    ))
}

/// Describes how a section was measured.
fn stamp(commit: &str, machine: &str, versions: &str) -> String {
    let with = if versions.is_empty() { "" } else { ", with " };
    format!("Measured at commit {commit} on {machine}{with}{versions}.")
}

/// Describes the processor that the run uses.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processor = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| processor_name(&text))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{cores} cores of {processor}")
}

/// Returns the processor's name in the text of `/proc/cpuinfo`. On arm64, it has none.
fn processor_name(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    })?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{Section, empty_page, processor_name, stamp, table, with_section};

    fn section(marker: &'static str, text: &str) -> Section {
        Section {
            marker,
            programs: &[],
            text: text.to_owned(),
        }
    }

    #[test]
    fn replaces_only_its_section() {
        let first = with_section(&empty_page(), &section("polling", "one"), "stamp").expect("one");
        let second = with_section(&first, &section("scale", "two"), "stamp").expect("two");

        let third = with_section(&second, &section("polling", "three"), "other").expect("three");

        assert!(
            third.contains("## Polling\n\nother\n\nthree\n\n<!-- end of polling -->"),
            "{third}"
        );
        assert!(third.contains("## Scale\n\nstamp\n\ntwo\n"), "{third}");
        assert!(!third.contains("one\n"), "{third}");
        assert_eq!(third.matches("<!-- polling -->").count(), 1);
    }

    #[test]
    fn rejects_section_without_a_place() {
        assert_eq!(with_section(&empty_page(), &section("other", ""), ""), None);
        assert_eq!(with_section("", &section("polling", ""), ""), None);
    }

    #[test]
    fn stamp_has_versions_only_if_a_section_depends_on_some() {
        let cases = [
            ("", "Measured at commit 1a2b3c4 on 2 cores."),
            (
                "boto3 1.44.8",
                "Measured at commit 1a2b3c4 on 2 cores, with boto3 1.44.8.",
            ),
        ];
        for (versions, expected) in cases {
            assert_eq!(stamp("1a2b3c4", "2 cores", versions), expected);
        }
    }

    #[test]
    fn table_aligns_numbers_to_the_right() {
        let rows = [vec!["a".to_owned(), "1".to_owned()]];
        assert_eq!(
            table(&["name", "calls"], &rows),
            "| name | calls |\n| --- | ---: |\n| a | 1 |"
        );
    }

    #[test]
    fn reads_name_of_processor() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\n";
        assert_eq!(processor_name(text).as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(processor_name("BogoMIPS : 50"), None);
    }
}
