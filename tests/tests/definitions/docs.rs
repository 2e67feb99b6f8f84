//! What the pages say beside what is so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::ErrorName;
use envcache_tests::definition::{resources, statements, strings};
use local::Workspace;
use serde_json::Value;

fn file(path: &str) -> String {
    std::fs::read_to_string(Workspace::root().join(path)).expect(path)
}

#[test]
fn every_error_that_a_run_can_end_in_is_explained() {
    let readme = file("README.md");
    for name in ErrorName::ALL {
        assert!(
            readme.contains(&format!("`{name}`")),
            "the README does not explain {name}"
        );
    }
}

#[test]
fn every_make_target_and_stack_parameter_that_it_names_exists() {
    let readme = file("README.md");
    let makefile = file("Makefile");
    for rest in readme.split("`make ").skip(1) {
        let target = rest.split_once('`').map_or(rest, |(target, _)| target);
        assert!(
            makefile.contains(&format!("\n{target}: ")),
            "make {target} does not exist"
        );
    }
    let template = file("template.yaml");
    for parameter in [
        "EventBusName",
        "EventSource",
        "EventAccounts",
        "Adoption",
        "AllowedNodeTypes",
        "DefaultEngineVersion",
        "Architecture",
        "LogRetentionDays",
        "AlarmTopicArn",
        "VerifySubnetIds",
        "VerifySecurityGroupId",
    ] {
        assert!(
            readme.contains(&format!("| `{parameter}` |"))
                && template.contains(&format!("\n  {parameter}:\n    Type:")),
            "{parameter} stands in the README and in the template"
        );
    }
}

/// The cells of each row of a page's tables that begins with something in code.
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

/// The words in code that a cell holds.
fn in_code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// What a role allows, by its logical id without `Role`.
fn allowed() -> BTreeSet<(String, String)> {
    let mut allowed = BTreeSet::new();
    for (name, role) in resources("AWS::IAM::Role") {
        let bearer = name.strip_suffix("Role").expect("a role's name");
        for statement in statements(&role)
            .iter()
            .filter(|statement| statement["Effect"] == "Allow")
        {
            let actions = strings(&statement["Action"]).into_iter();
            allowed.extend(actions.map(|action| (bearer.to_owned(), action.to_owned())));
        }
    }
    allowed
}

#[test]
fn the_page_of_permissions_tells_each_action_of_each_role_and_no_other() {
    let functions: Vec<_> = resources("AWS::Serverless::Function").into_keys().collect();
    let machines: Vec<_> = resources("AWS::Serverless::StateMachine")
        .into_keys()
        .collect();
    let mut told = BTreeSet::new();
    for row in rows("docs/permissions.md") {
        let named = in_code(&row[0]);
        let bearers = match row[0].as_str() {
            "every function" => functions.clone(),
            "both" => machines.clone(),
            _ => named
                .into_iter()
                .filter(|name| functions.iter().chain(&machines).any(|one| one == name))
                .map(str::to_owned)
                .collect(),
        };
        let actions = in_code(&row[1]);
        for bearer in bearers {
            for action in &actions {
                assert!(
                    told.insert((bearer.clone(), (*action).to_owned())),
                    "{bearer}: {action} stands twice"
                );
            }
        }
    }

    let allowed = allowed();
    let untold: Vec<_> = allowed.difference(&told).collect();
    let unallowed: Vec<_> = told.difference(&allowed).collect();
    assert!(untold.is_empty(), "the page lacks: {untold:?}");
    assert!(unallowed.is_empty(), "the template lacks: {unallowed:?}");
}

/// Each field of the schema, such as `cache.port`, with its default.
fn fields(schema: &Value, path: &str) -> Vec<(String, Value)> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .flat_map(|(name, field)| {
            let path = format!("{path}{name}");
            match fields(field, &format!("{path}.")) {
                below if below.is_empty() || path == "event" => {
                    vec![(path, field["default"].clone())]
                }
                below => below,
            }
        })
        .collect()
}

#[test]
fn the_page_of_options_tells_each_field_with_its_default() {
    let schema: Value =
        serde_json::from_str(&file("events/environment-created.schema.json")).expect("JSON");
    let rows = rows("docs/request-reference.md");
    let (taken, _) = rows.split_at(
        rows.iter()
            .position(|row| row[0] == "`finalSnapshot`")
            .expect("what takes it away"),
    );
    let told: BTreeSet<_> = taken
        .iter()
        .flat_map(|row| in_code(&row[0]))
        .map(str::to_owned)
        .collect();
    let fields = fields(&schema, "");
    let known: BTreeSet<_> = fields.iter().map(|(field, _)| field.clone()).collect();
    assert_eq!(told, known, "the page, and the schema");

    for (field, default) in fields.iter().filter(|(_, default)| !default.is_null()) {
        let expected = default.as_str().map_or(default.to_string(), str::to_owned);
        let row = taken.iter().find(|row| row[0] == format!("`{field}`"));
        let told = row.map(|row| row[1].trim_matches('`').to_owned());
        assert_eq!(told.as_ref(), Some(&expected), "the default of {field}");
    }
}

/// Every page of the project.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(Workspace::root().join("docs")).expect("docs/");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<_> = docs
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.extend(["README.md", "CHANGELOG.md"].map(|page| Workspace::root().join(page)));
    pages
}

/// A heading as a link names it.
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

fn leads_somewhere(page: &Path, link: &str) -> bool {
    let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        page.parent().expect("its folder").join(file)
    };
    if wanted.is_empty() {
        return target.exists();
    }
    let text = std::fs::read_to_string(target).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|heading| anchor(heading) == wanted)
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("the page");
        for rest in text.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            assert!(
                link.starts_with("https://") || leads_somewhere(&page, link),
                "{}: {link} leads nowhere",
                page.display()
            );
        }
    }
}
