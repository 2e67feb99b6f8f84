//! What the README says beside what is so.

use contract::ErrorName;
use local::Workspace;

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
