//! A deployment during running executions: each finishes with the code that it started with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use envcache_tests::definition::Machine;
use envcache_tests::{World, matrix, until};
use local::Workspace;
use local::gateway::elasticache::Lifecycle;
use serde_json::json;

/// Copies the output of `sam build` into a folder, with functions that exit immediately. This is the worst case of a next
/// version that can't read the messages of a running execution. Returns the build's folder.
fn broken_build(project: &Path) -> PathBuf {
    let (root, into) = (Workspace::root(), project.join(".aws-sam/build"));
    let build = root.join(".aws-sam/build");
    for folder in [&into, &project.join("statemachine")] {
        fs::create_dir_all(folder).expect("a folder");
    }
    for machine in Machine::ALL {
        // The template refers to it by a path relative to the template.
        let file = format!("statemachine/{}.asl.json", machine.name());
        fs::copy(root.join(&file), project.join(&file)).expect("a definition");
    }
    fs::copy(build.join("template.yaml"), into.join("template.yaml")).expect("the template");
    for entry in fs::read_dir(build).expect("the output of `make build`") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            let function = into.join(entry.file_name());
            fs::create_dir(&function).expect("a folder");
            let bootstrap = function.join("bootstrap");
            fs::write(&bootstrap, "#!/bin/sh\nexit 1\n").expect("a function");
            fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))
                .expect("an executable");
        }
    }
    into
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
    let project = tempfile::tempdir().expect("a folder");
    let build = broken_build(project.path());

    world
        .deploy_build(&build)
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
