//! A deployment during running executions: each finishes with the code that it started with.

use std::path::{Path, PathBuf};

use envcache_tests::{World, definition, matrix, until};
use local::gateway::elasticache::Lifecycle;
use local::{Workspace, build};
use serde_json::json;

/// Writes a build into a folder whose functions exit immediately. This is the worst case of a next version that can't read
/// the messages of a running execution. Returns its template.
fn broken_build(folder: &Path) -> PathBuf {
    let template = build::write(&Workspace::find().expect("the tools"), folder).expect("a build");
    for function in definition::resources("AWS::Serverless::Function").keys() {
        build::write_script(&folder.join(function), "exit 1").expect("a broken function");
    }
    template
}

#[test]
fn waiting_executions_finish_when_the_stack_is_updated() {
    let mut world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let (created, removed, later) = (
        world.environment(),
        world.environment(),
        world.environment(),
    );
    assert_eq!(world.run(&removed.request()).status, "SUCCEEDED");
    let slow = Lifecycle {
        creating: 3_000.0,
        deleting: 3_000.0,
        ..Lifecycle::default()
    };
    for environment in [&created, &removed] {
        let cache = format!("{}-redis", environment.name);
        world.gateway().set_lifecycle(&cache, slow.clone());
    }
    let provisioning = world.start(&created.request());
    let removing = world.start_on(
        &world.stack.deprovision_state_machine_arn,
        &json!({ "environment": removed.name }),
    );
    for (execution, state) in [
        (&provisioning, "WaitForReplicationGroup"),
        (&removing, "WaitForRemoval"),
    ] {
        until(&format!("{state} is entered"), || {
            let entered = world.entered_states(execution);
            entered.contains(&state.to_owned()).then_some(())
        });
    }
    let folder = tempfile::tempdir().expect("a folder");
    let template = broken_build(folder.path());

    world
        .deploy_template(&template)
        .expect("the next version is deployed");

    let entered = world.entered_states(&provisioning);
    assert!(
        !entered.contains(&"ConfirmClaim".to_owned()),
        "the wait must be longer than the deployment: {entered:?}"
    );
    let provisioned = world.wait(&provisioning);
    assert_eq!(provisioned.status, "SUCCEEDED", "{provisioned:?}");
    assert_eq!(
        provisioned.output["primaryEndpoint"],
        created.primary_endpoint(&world)
    );
    let ended = world.wait(&removing);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert!(removed.cache(&world).is_err(), "its cache is deleted");
    // New executions use the new code.
    let after = world.run(&later.request());
    assert_eq!(after.error, "Internal", "{after:?}");
}
