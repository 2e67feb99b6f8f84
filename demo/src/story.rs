//! The demo's story, from top to bottom.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local::{
    Aws, Cloud, Interrupt, Settings, Stack, Workspace, backend, network, reference, valkey,
};

use crate::report::print;

/// How long an event may take to become an execution.
const START: Duration = Duration::from_secs(30);

/// Tells it. True where the run succeeded and everything found is as the contract asks.
pub fn tell(interrupt: &Interrupt) -> Result<bool> {
    let clock = Clock(Instant::now());
    let workspace = Workspace::find()?;

    clock.say("Starting MiniStack, with IAM enforced, behind a gateway that behaves as AWS does");
    let cloud = Cloud::start(workspace, interrupt.clone(), Settings::default())?;
    let aws = Aws::connect(&cloud)?;
    clock.say(&format!("  {}", cloud.endpoint_url()));

    clock.say("Deploying template.yaml with sam deploy");
    let stack = Stack::deploy(&cloud, &aws)?;
    clock.say(&format!("  {}", stack.provision_state_machine_arn));

    clock.say("Laying the network that the environment has before its cache");
    let laid = network::REFERENCE.lay(&aws)?;
    clock.say(&format!("  {} with {}", laid.vpc, laid.subnets.join(", ")));

    clock.say("The environment is created: events/environment-created.json on the bus");
    put(&cloud, &aws, &stack, "environment-created")?;
    let execution = first_execution(&aws, &stack.provision_state_machine_arn, interrupt)?;
    clock.say("The run, state by state (waits are a tenth of what they are on AWS)");
    if !watch(&cloud, &execution)? {
        return Ok(false);
    }

    clock.say("What was made, beside what was asked for");
    let rows = reference::rows(&aws, &laid)?;
    let as_asked = print(&rows);

    clock.say("What the backend reads");
    let parameters = aws.parameters("/bandup/cache")?;
    for (name, value) in &parameters {
        println!("  {name:<32} {value}");
    }
    let url = parameters
        .get("/bandup/cache/url")
        .context("no url was published")?;
    match cloud.authority() {
        Some(authority) => {
            clock.say("The backend connects over TLS, and does PING, SET and GET");
            backend::use_cache(url, authority)?;
            println!("  {url} answers as a cache does");
        }
        None => println!(
            "  Nobody answers there: install Valkey with {}",
            valkey::INSTALL
        ),
    }

    clock.say("The environment is deleted: events/environment-deleted.json on the bus");
    put(&cloud, &aws, &stack, "environment-deleted")?;
    let execution = first_execution(&aws, &stack.deprovision_state_machine_arn, interrupt)?;
    if !watch(&cloud, &execution)? {
        return Ok(false);
    }
    let left = reference::left(&aws)?;
    if left.is_empty() {
        println!("  Nothing is left of it but its network");
    } else {
        println!("  Left: {}", left.join(", "));
    }
    clock.say("Done");
    Ok(as_asked && left.is_empty())
}

/// Puts a sample event on the bus.
fn put(cloud: &Cloud, aws: &Aws, stack: &Stack, sample: &str) -> Result<()> {
    let file = format!("events/{sample}.json");
    let event = std::fs::read_to_string(cloud.workspace().file(&file))?;
    stack.put_event(aws, &serde_json::from_str(&event).context(file)?)
}

/// Says what happens, with the seconds since the beginning.
struct Clock(Instant);

impl Clock {
    fn say(&self, what: &str) {
        println!("[{:>5.1} s] {what}", self.0.elapsed().as_secs_f64());
    }
}

fn first_execution(aws: &Aws, state_machine: &str, interrupt: &Interrupt) -> Result<String> {
    let begin = Instant::now();
    while begin.elapsed() < START {
        interrupt.check()?;
        if let Some(execution) = Stack::executions(aws, state_machine)?.into_iter().next() {
            return Ok(execution.arn);
        }
        sleep(Duration::from_millis(100));
    }
    bail!("the event started no execution within {START:?}");
}

/// Follows the run with the command line that users have.
fn watch(cloud: &Cloud, execution: &str) -> Result<bool> {
    let mut command = std::process::Command::new(envcache()?);
    cloud.direct(&mut command).args(["watch", execution]);
    Ok(cloud.interrupt().run(&mut command)?.success())
}

/// The command line stands beside this program.
fn envcache() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("envcache");
    if !path.exists() {
        bail!("{} is not built: `make demo` builds it", path.display());
    }
    Ok(path)
}
