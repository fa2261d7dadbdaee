//! `tercio port`: where a container's port is reached.

use lab_types::{PortProtocol, PortPublish, ServiceName};
use lab_wire::request::TaskList;
use lab_wire::row::TaskRow;

use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::project::{self, tasks};

const EXAMPLES: &str = "\
Examples:
  tercio port web 80                    HOST:PORT of the container's port 80
  tercio port --protocol udp dns 53
  tercio port --index 2 web 80          of the second container
";

/// Options of `tercio port`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// tcp or udp
    #[arg(long, default_value = "tcp", value_parser = protocol, value_name = "PROTOCOL")]
    protocol: PortProtocol,
    /// Which of the service's containers, counted from 1; else the first that runs
    #[arg(long, value_name = "NUMBER")]
    index: Option<u32>,
    /// The service
    #[arg(value_name = "SERVICE")]
    service: ServiceName,
    /// The container's port
    #[arg(value_name = "PRIVATE_PORT")]
    private_port: u16,
}

fn protocol(text: &str) -> Result<PortProtocol, String> {
    match text {
        "tcp" => Ok(PortProtocol::Tcp),
        "udp" => Ok(PortProtocol::Udp),
        other => Err(format!("{other:?} is neither tcp nor udp")),
    }
}

/// Runs the command.
///
/// # Errors
/// No such service, or the port is not published.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    app.plain()?;
    let project = project::name(app, &args.project.clone().or(left))?;
    let request = TaskList {
        services: vec![args.service.clone()],
        ..TaskList::default()
    };
    if app.shows(Some(&project), &request)? {
        return Ok(());
    }
    let client = app.connect().await?;
    let rows = tasks(&client, Some(&project), request).await?;
    match found(&rows, &args) {
        Some((row, port)) => app.screen.print(&format!("{}\n", address(row, port))),
        None => Err(Failure::new(
            "CLI0055",
            format!(
                "no running container of {} publishes its port {}/{}",
                args.service, args.private_port, args.protocol
            ),
            "`tercio ps` has a column with the ports that are published",
        )),
    }
}

fn found<'a>(rows: &'a [TaskRow], args: &Args) -> Option<(&'a TaskRow, &'a PortPublish)> {
    let chosen = rows
        .iter()
        .filter(|row| args.index.is_none_or(|index| row.slot == index));
    chosen
        .flat_map(|row| row.ports.iter().map(move |port| (row, port)))
        .find(|(_, port)| {
            let is_it = port.target == args.private_port && port.protocol == args.protocol;
            is_it && port.published.is_some()
        })
}

/// As Docker prints it where the port is bound to one address; else with the node that it is on, as
/// `0.0.0.0` would say nothing in a lab.
fn address(row: &TaskRow, port: &PortPublish) -> String {
    let number = port.published.unwrap_or_default();
    match port.host_ip.as_deref() {
        Some(ip) if ip != "0.0.0.0" && ip.contains(':') => format!("[{ip}]:{number}"),
        Some(ip) if ip != "0.0.0.0" => format!("{ip}:{number}"),
        _ => format!("{}:{number}", row.node_name),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use lab_types::{PortProtocol, PortPublish, TaskState};

    use super::{Args, address, found};
    use crate::cli::{Cli, Command, Verb};
    use crate::project::samples;

    fn args(line: &str) -> Args {
        match Cli::try_parse_from(line.split(' ')).unwrap().command {
            Command::Verb(Verb::Port(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_port_is_told_with_where_it_is_reached() {
        let port = |host_ip: Option<&str>, published, protocol| PortPublish {
            host_ip: host_ip.map(str::to_owned),
            published: Some(published),
            target: 80,
            protocol,
        };
        let mut first = samples::task("web", 1, TaskState::Running);
        first.ports = vec![
            port(None, 8080, PortProtocol::Tcp),
            port(Some("127.0.0.1"), 5353, PortProtocol::Udp),
        ];
        let mut second = samples::task("web", 2, TaskState::Running);
        second.ports = vec![port(Some("::1"), 8081, PortProtocol::Tcp)];
        let node = first.node_name.to_string();
        let rows = [first, second];
        let told = |line: &str| {
            let (row, port) = found(&rows, &args(line))?;
            Some(address(row, port))
        };
        assert_eq!(told("tercio port web 80"), Some(format!("{node}:8080")));
        assert_eq!(
            told("tercio port --protocol udp web 80").as_deref(),
            Some("127.0.0.1:5353")
        );
        assert_eq!(
            told("tercio port --index 2 web 80").as_deref(),
            Some("[::1]:8081")
        );
        assert_eq!(told("tercio port web 81"), None);
        assert_eq!(told("tercio port --index 3 web 80"), None);
    }
}
