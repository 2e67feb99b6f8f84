//! The diagrams beside the definitions.

use envcache_tests::diagram;
use local::Workspace;

#[test]
fn the_pictures_show_the_state_machines_as_they_are() {
    let path = Workspace::root().join("docs/state-machines.md");
    let shown = std::fs::read_to_string(path).expect("the page");

    assert!(
        shown == diagram::page(),
        "docs/state-machines.md is stale: run `make diagrams`"
    );
}
