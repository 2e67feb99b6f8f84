//! The pictures beside the definitions.

use envcache_tests::picture;
use local::Workspace;

#[test]
fn the_pictures_show_the_state_machines_as_they_are() {
    let path = Workspace::root().join("docs/state-machines.md");
    let shown = std::fs::read_to_string(path).expect("the page");

    assert!(
        shown == picture::page(),
        "docs/state-machines.md is stale: run `make pictures`"
    );
}
