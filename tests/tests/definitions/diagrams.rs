//! Compares the page of diagrams with the definitions.

use envcache_tests::diagram;
use local::Workspace;

#[test]
fn diagrams_match_the_state_machines() {
    let path = Workspace::root().join("docs/state-machines.md");
    let shown = std::fs::read_to_string(path).expect("the page");

    assert!(
        shown == diagram::page(),
        "docs/state-machines.md is out of date: run `make diagrams`"
    );
}
