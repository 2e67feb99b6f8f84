//! Compares the pages with the code, the template, and each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::ErrorName;
use envcache_tests::definition::{resources, statements, strings, template};
use local::Workspace;
use serde_json::Value;

fn file(path: &str) -> String {
    std::fs::read_to_string(Workspace::root().join(path)).expect(path)
}

#[test]
fn readme_names_every_error() {
    let readme = file("README.md");
    for name in ErrorName::ALL {
        assert!(
            readme.contains(&format!("`{name}`")),
            "the README doesn't name {name}"
        );
    }
}

#[test]
fn readme_names_existing_targets() {
    let readme = file("README.md");
    let makefile = file("Makefile");
    for rest in readme.split("`make ").skip(1) {
        let target = rest.split_once('`').map_or(rest, |(target, _)| target);
        assert!(
            makefile.contains(&format!("\n{target}: ")),
            "make {target} doesn't exist"
        );
    }
}

/// Returns the keys of a section of the template.
fn template_keys(section: &str) -> BTreeSet<String> {
    let template = template();
    let section = template[section].as_object().expect("a section");
    section.keys().cloned().collect()
}

#[test]
fn parameters_page_lists_every_parameter_and_output() {
    let names: Vec<String> = rows("docs/parameters.md")
        .iter()
        .flat_map(|row| row[0].split(", "))
        .filter_map(|name| Some(name.strip_prefix('`')?.strip_suffix('`')?.to_owned()))
        .collect();

    // `EventBusName` is both.
    let mut expected: Vec<_> = template_keys("Parameters").into_iter().collect();
    expected.extend(template_keys("Outputs"));
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(names), sorted(expected));
}

#[test]
fn parameters_page_has_the_defaults_of_the_template() {
    let template = template();
    let rows = rows("docs/parameters.md");
    for row in rows.iter().filter(|row| row.len() == 3) {
        let parameter = &template["Parameters"][row[0].trim_matches('`')];
        let default = match &parameter["Default"] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(row[1].trim_matches('`'), default, "{}", row[0]);
    }
}

/// Returns the cells of each row of a page's tables.
fn rows(page: &str) -> Vec<Vec<String>> {
    file(page)
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| {
            row.split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// Returns the words in backticks of a cell.
fn in_code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Returns the actions that each role allows, with the role's logical ID without `Role`.
fn allowed() -> BTreeSet<(String, String)> {
    let mut allowed = BTreeSet::new();
    for (name, role) in resources("AWS::IAM::Role") {
        let owner = name.strip_suffix("Role").expect("a role's name");
        for statement in statements(&role)
            .iter()
            .filter(|statement| statement["Effect"] == "Allow")
        {
            let actions = strings(&statement["Action"]).into_iter();
            allowed.extend(actions.map(|action| (owner.to_owned(), action.to_owned())));
        }
    }
    allowed
}

#[test]
fn permissions_page_lists_exactly_the_allowed_actions() {
    let functions: Vec<_> = resources("AWS::Serverless::Function").into_keys().collect();
    let machines: Vec<_> = resources("AWS::Serverless::StateMachine")
        .into_keys()
        .collect();
    let mut listed = BTreeSet::new();
    for row in rows("docs/permissions.md") {
        let named = in_code(&row[0]);
        let owners = match row[0].as_str() {
            "every function" => functions.clone(),
            "both" => machines.clone(),
            _ => named
                .into_iter()
                .filter(|name| functions.iter().chain(&machines).any(|known| known == name))
                .map(str::to_owned)
                .collect(),
        };
        let actions = in_code(&row[1]);
        for owner in owners {
            for action in &actions {
                assert!(
                    listed.insert((owner.clone(), (*action).to_owned())),
                    "{owner}: {action} is listed twice"
                );
            }
        }
    }

    let allowed = allowed();
    let not_listed: Vec<_> = allowed.difference(&listed).collect();
    let not_allowed: Vec<_> = listed.difference(&allowed).collect();
    assert!(not_listed.is_empty(), "missing on the page: {not_listed:?}");
    assert!(
        not_allowed.is_empty(),
        "missing in the template: {not_allowed:?}"
    );
}

/// Returns the paths of the project's pages.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(Workspace::root().join("docs")).expect("docs/");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<_> = docs
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    let others = [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
        "release/README.md",
    ];
    pages.extend(others.map(|page| Workspace::root().join(page)));
    pages
}

/// Returns the anchor of a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|character| character.is_alphanumeric() || " -_".contains(*character))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

fn resolves(page: &Path, link: &str) -> bool {
    let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        page.parent().expect("its folder").join(file)
    };
    if fragment.is_empty() {
        return target.exists();
    }
    let text = std::fs::read_to_string(target).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|heading| anchor(heading) == fragment)
}

#[test]
fn every_link_between_pages_resolves() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("the page");
        for rest in text.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            assert!(
                link.starts_with("https://") || resolves(&page, link),
                "{}: {link} doesn't resolve",
                page.display()
            );
        }
    }
}
