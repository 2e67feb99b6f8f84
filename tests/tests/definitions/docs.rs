//! Compares the pages with the code, the template, and each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::{ErrorName, Request};
use envcache_tests::definition::{resources, statements, strings, template};
use local::Workspace;
use serde_json::{Value, json};

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

/// Returns each field of the schema, such as `cache.port`, with its default.
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
fn request_reference_lists_every_field_and_default() {
    let schema: Value =
        serde_json::from_str(&file("events/environment-created.schema.json")).expect("JSON");
    let rows = rows("docs/request-reference.md");
    let (provisioning, _) = rows.split_at(
        rows.iter()
            .position(|row| row[0] == "`finalSnapshot`")
            .expect("the first field of a removal request"),
    );
    let listed: BTreeSet<_> = provisioning
        .iter()
        .flat_map(|row| in_code(&row[0]))
        .map(str::to_owned)
        .collect();
    let fields = fields(&schema, "");
    let known: BTreeSet<_> = fields.iter().map(|(field, _)| field.clone()).collect();
    assert_eq!(listed, known, "the fields on the page and in the schema");

    for (field, default) in fields.iter().filter(|(_, default)| !default.is_null()) {
        let expected = default.as_str().map_or(default.to_string(), str::to_owned);
        let row = provisioning
            .iter()
            .find(|row| row[0] == format!("`{field}`"));
        let listed = row.map(|row| row[1].trim_matches('`').to_owned());
        assert_eq!(listed.as_ref(), Some(&expected), "the default of {field}");
    }
}

#[test]
fn schema_has_every_field_and_default_of_the_contract() {
    let schema: Value =
        serde_json::from_str(&file("events/environment-created.schema.json")).expect("JSON");
    let minimal = json!({
        "environment": "bandup",
        "network": { "vpc": "vpc", "subnets": ["one", "two"], "backendSecurityGroup": "backend" }
    });
    let request = Request::from_json(minimal).expect("a minimal request");

    let mut fields_of_request = serde_json::to_value(&request).expect("JSON");
    // Excludes `subnets`.
    fields_of_request["network"]["subnetGroup"] = json!("vpc-caches");
    let spec = serde_json::to_value(request.into_spec().expect("a spec")).expect("JSON");

    for pointer in ["", "/cache", "/network"] {
        let schema_pointer = pointer.replace('/', "/properties/");
        let names = |value: Option<&Value>| -> BTreeSet<String> {
            let object = value.and_then(Value::as_object).expect(pointer);
            object.keys().cloned().collect()
        };
        assert_eq!(
            names(schema.pointer(&format!("{schema_pointer}/properties"))),
            names(fields_of_request.pointer(pointer)),
            "the fields of {pointer:?}"
        );
    }
    for (field, default) in fields(&schema, "") {
        let pointer = format!("/{}", field.replace('.', "/"));
        let actual = spec
            .pointer(&pointer)
            .or(fields_of_request.pointer(&pointer));
        // The schema only describes a default that derives from the environment's name.
        let derives = actual
            .and_then(Value::as_str)
            .is_some_and(|text| text.contains("bandup"));
        let expected = match actual {
            Some(actual) if !derives && !field.starts_with("network") => actual,
            _ => &Value::Null,
        };
        assert_eq!(&default, expected, "the default of {field}");
    }
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
