use std::path::PathBuf;

use clap::{CommandFactory as _, Parser as _};

use super::{Cli, Command, Verb};

fn parse(line: &str) -> Cli {
    let words = line.split_whitespace();
    Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> String {
    let error = Cli::try_parse_from(line.split_whitespace()).unwrap_err();
    assert!(error.use_stderr(), "{line} printed help: {error}");
    error.to_string()
}

/// The files and the name that reach a verb, whichever side of it they were said on.
fn project_of(line: &str) -> (Vec<PathBuf>, Option<String>) {
    let cli = parse(line);
    let (left, verb) = match cli.command {
        Command::Compose(args) => (args.project.or(&cli.project), args.verb),
        Command::Verb(verb) => (cli.project, verb),
        other => panic!("{other:?}"),
    };
    let project = match verb {
        Verb::Up(args) => args.project_args().or(&left),
        _ => left,
    };
    (project.file, project.project_name)
}

#[test]
fn the_tree_of_commands_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn files_and_name_may_stand_before_or_after_the_verb() {
    let both = || {
        (
            vec!["a.yml".into(), "b.yml".into()],
            Some("shop".to_owned()),
        )
    };
    for line in [
        "tercio up -f a.yml -f b.yml -p shop -d",
        "tercio -f a.yml -f b.yml -p shop up -d",
        "tercio -p shop -f a.yml up -f b.yml -d",
        "tercio compose -f a.yml -p shop up -d -f b.yml",
        "tercio -f a.yml compose -p shop -f b.yml up -d",
    ] {
        assert_eq!(project_of(line), both(), "{line}");
    }
    let nearest = project_of("tercio -p far up -p near");
    assert_eq!(nearest.1.as_deref(), Some("near"));
}

#[test]
fn called_docker_compose_it_is_tercio_compose() {
    let meant = |line: &str| {
        let words = line.split_whitespace().map(std::ffi::OsString::from);
        let words = super::by_name(words).into_iter();
        let words: Vec<String> = words.map(|word| word.into_string().unwrap()).collect();
        words[1..].join(" ")
    };
    assert_eq!(
        meant("/usr/local/bin/docker-compose -f a.yml up -d"),
        "compose -f a.yml up -d"
    );
    assert_eq!(meant("docker-compose --version"), "compose version");
    assert_eq!(meant("docker-compose"), "compose");
    assert_eq!(meant("/docker-compose/tercio up"), "up");
}

#[test]
fn profiles_may_stand_on_both_sides_of_the_verb() {
    let cli = parse("tercio --profile a --profile b up --profile c -d");
    let Command::Verb(Verb::Up(args)) = cli.command else {
        panic!("{:?}", cli.command);
    };
    let project = args.project_args().or(&cli.project);
    assert_eq!(project.profile, ["a", "b", "c"]);
}

#[test]
fn the_short_f_of_logs_follows() {
    let cli = parse("tercio -f a.yml logs -f --tail 5 web");
    assert_eq!(cli.project.file, [PathBuf::from("a.yml")]);
    match cli.command {
        Command::Verb(Verb::Logs(args)) => assert!(args.options().follow),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_command_of_the_issue_is_understood() {
    for line in [
        "tercio up --build --yes web db",
        "tercio up --wait --remove-orphans",
        "tercio up --attach web --attach db",
        "tercio up --plan",
        "tercio plan --detailed-exitcode -q --json --out a.plan --build",
        "tercio apply a.plan --wait --yes",
        "tercio build --no-cache --pull --build-arg A=1 web",
        "tercio pull web db",
        "tercio ls -q -a --format json",
        "tercio port --protocol udp --index 2 dns 53",
        "tercio scale web=3 db=2",
        "tercio volumes -q web",
        "tercio wait web",
        "tercio convert --format json",
        "tercio project history -p shop --format json",
        "tercio project diff 3 5 -p shop",
        "tercio project rollback -p shop -y",
        "tercio project rollback -p shop --plan 3",
        "tercio down -v --yes",
        "tercio ps -a -q --services",
        "tercio logs --since 10m -t",
        "tercio config --format json --services -q",
        "tercio --profile dev config --profile test",
        "tercio events --follow --since 1h --json",
        "tercio service ls",
        "tercio service ps shop/web",
        "tercio service inspect --pretty web",
        "tercio service scale -p shop web=3 db=2",
        "tercio service rm web",
        "tercio service logs -f web",
        "tercio node ls --format json",
        "tercio node inspect n1",
        "tercio machine ls",
        "tercio lab start",
        "tercio lab status --format json",
        "tercio lab stop --state-dir /x",
        "tercio lab init --state-dir /lab --nats-host nats --external",
        "tercio lab init --node n2 --node n3 --user bob --may look",
        "tercio req --list",
        "tercio req node.list {}",
        "tercio sub tercio.v1.ev.> --count 1 --timeout 5",
        "tercio serve scheduler planner",
        "tercio serve --embedded",
        "tercio version",
        "tercio compose version",
        "tercio -H nats://n1:4222 --creds a.creds --user bob --as-command node ls",
    ] {
        parse(line);
    }
}

#[test]
fn a_wrong_command_line_is_refused_with_a_hint() {
    assert!(refused("tercio upp").contains("'up'"));
    assert!(refused("tercio service scale web").contains("SERVICE=N"));
    assert!(refused("tercio up --frobnicate").contains("--frobnicate"));
    assert!(refused("tercio serve").contains("ROLES"));
    assert!(refused("tercio serve scheduler --embedded").contains("cannot be used"));
    assert!(refused("tercio lab init --external").contains("--nats-host"));
    assert!(refused("tercio node inspect").contains("NODE"));
}

#[test]
fn each_help_says_what_and_most_show_examples() {
    let mut command = Cli::command();
    let text = command.render_long_help().to_string();
    for word in ["Examples:", "tercio up", "--as-command", "tercio lab stop"] {
        assert!(text.contains(word), "{word}");
    }
    for name in [
        "up", "down", "ps", "logs", "config", "events", "req", "sub", "serve", "plan", "apply",
        "build", "pull",
    ] {
        let sub = command.find_subcommand_mut(name).unwrap();
        assert!(
            sub.render_help().to_string().contains("Examples:"),
            "{name}"
        );
    }
    for sub in command.get_subcommands() {
        assert!(sub.get_about().is_some(), "{}", sub.get_name());
        for inner in sub.get_subcommands() {
            let names = (sub.get_name(), inner.get_name());
            assert!(inner.get_about().is_some(), "{names:?}");
        }
    }
}

#[test]
fn ctrl_c_ends_at_once_whatever_does_not_end_in_order_by_itself() {
    for line in [
        "tercio up",
        "tercio compose up -d",
        "tercio down",
        "tercio compose down -v",
        "tercio service scale web=3",
        "tercio service rm web",
        "tercio lab start",
    ] {
        assert!(parse(line).command.minds_interrupt(), "{line}");
    }
    for line in [
        "tercio logs -f",
        "tercio compose logs -f web",
        "tercio compose events --follow",
        "tercio compose ps",
        "tercio lab status",
        "tercio lab stop",
        "tercio service logs -f web",
        "tercio sub >",
    ] {
        assert!(!parse(line).command.minds_interrupt(), "{line}");
    }
}
