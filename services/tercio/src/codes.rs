//! The error codes of the command line.

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        "CLI0001",
        "The lab to speak to is not fully named",
        "A lab is an address and credentials: `-H` and `--creds`, or `TERCIO_NATS_URL` and \
         `TERCIO_CREDS`, or this machine's own lab, which writes both to `lab.json` in its state \
         directory. The message says which part is missing or cannot be used.",
    ),
    (
        "CLI0002",
        "There is no lab to speak to",
        "No lab is configured and none runs on this machine, or the configured one does not answer. \
         `tercio lab start` starts one here, `tercio lab status` tells how it is.",
    ),
    (
        "CLI0003",
        "The file of this machine's lab is damaged",
        "`lab.json` tells commands how to reach the lab and is written by the lab alone. Stop the lab, \
         remove the file and start the lab again: it is written anew.",
    ),
    (
        "CLI0010",
        "The build context cannot be packed",
        "The message names the file or folder and why. What is not needed in the image can be left out \
         with a line in `.dockerignore`.",
    ),
    (
        "CLI0011",
        "The subject cannot be listened on",
        "It is no valid subject, or these credentials may not hear it. Users hear events \
         (`tercio.v1.ev.>`) and their own streams; other traffic is for the lab's parts.",
    ),
    (
        "CLI0012",
        "Fewer messages came than were waited for",
        "`tercio sub --count N --timeout SECONDS` ends with an error when the time is over before the \
         last message. Wait longer, or see with `tercio events` whether it happened before.",
    ),
    (
        "CLI0013",
        "The events cannot be read",
        "They stand in a stream of NATS that the leader reads for whoever asks. The message says what \
         the leader answered, or that none did.",
    ),
    (
        "CLI0014",
        "There is no such service, or several",
        "A service is named `PROJECT/SERVICE`, or `SERVICE` with `-p PROJECT`, or `SERVICE` alone where \
         only one project has it. `tercio service ls` lists all.",
    ),
    (
        "CLI0020",
        "A lab already runs on this state directory",
        "Two labs on one directory would destroy each other's state. End the first with \
         `tercio lab stop`, or give the second a directory of its own with `--state-dir`.",
    ),
    (
        "CLI0021",
        "No port is free for NATS",
        "The embedded lab's NATS listens on 127.0.0.1, on port 4222 or any free one. None could be \
         bound: check that the loopback interface is up.",
    ),
    (
        "CLI0022",
        "The lab did not start",
        "Its process ended or did not answer in time. The message shows the last lines of `lab.log` in \
         the state directory; the whole log tells which part was late and why.",
    ),
    (
        "CLI0023",
        "The lab cannot be stopped from here",
        "`tercio lab stop` ends the lab that this command started, as the user who started it. Parts \
         that run as containers, units or by `tercio serve ROLE` are ended where they were started.",
    ),
    (
        "CLI0024",
        "The command's own process cannot be set up",
        "The operating system refused threads, signals or the current folder. The message says which; \
         the limits of the process are the usual cause.",
    ),
    (
        "CLI0025",
        "A part of the lab failed",
        "One part ended by itself and the others were stopped with it, so that the lab can be started \
         again as a whole. The message names the part; the log before it tells more.",
    ),
    (
        "CLI0026",
        "There is no message for this command",
        "`--as-command` prints the message that a command would send. Some commands send none, or more than \
         one: starting and ending the lab of this machine, reading files, listening. Leave `--as-command` out \
         to do it.",
    ),
    (
        "CLI0030",
        "There is no Compose file",
        "A project's file is looked for in the current folder and those above it, under the names that \
         the message lists. Name another with `-f`, or change to the project's folder. Commands such as \
         `ps`, `logs` and `down` need no file when the project is named with `-p`.",
    ),
    (
        "CLI0031",
        "A Compose file cannot be read",
        "A file named with `-f` or in `COMPOSE_FILE` must exist, be readable and hold UTF-8 text.",
    ),
    (
        "CLI0040",
        "The project did not come up",
        "The plan was applied, and a slot of a service will not come to run by itself, or has not in a \
         long time. The message says which slot and why. The lab keeps what was applied and goes on \
         trying where that makes sense.",
    ),
    (
        "CLI0041",
        "A stream broke off",
        "Logs, builds and pulls flow between a node and this command. The node went away, or speaks \
         another version. `tercio node ls` tells which nodes report.",
    ),
    (
        "CLI0042",
        "Volumes are removed only with consent",
        "`down -v` removes volumes with their data and asks first. Where there is no terminal to ask on, \
         `--yes` is the consent.",
    ),
    (
        "CLI0043",
        "The project is not gone",
        "It was asked to go, and a container has not gone in a long time. The lab goes on removing it.",
    ),
    (
        "CLI0044",
        "The plan and its builds do not fit together",
        "The planner's answer lists an image to be built without saying from what. Run the planner and \
         this command in the same version.",
    ),
    (
        "CLI0046",
        "A network or volume of the project is still in use",
        "The project's containers are gone, and a network or volume stays because something that the lab did \
         not make uses it. The node removes it once nothing does.",
    ),
    (
        "CLI0047",
        "Services that these files do not have would be removed",
        "The project was applied from another folder, or made by requests, and has services that these files \
         do not name: another checkout of the same name, perhaps. Where there is no terminal to ask on, \
         `--yes` says that they may go; `-p` or `name:` gives these files a project of their own.",
    ),
    (
        "CLI0048",
        "The command is docker compose's, and not here yet",
        "The word is a command of `docker compose` that Tercio does not have yet. The message says what does \
         the same, or comes near to it, where there is something; `tercio --help` lists what there is.",
    ),
    (
        "CLI0049",
        "The volume is none that the files have dropped",
        "`down --dropped VOLUME` names a volume by its name on the engine that an earlier version of the \
         project's files had. Those of the present files go with `down -v` alone.",
    ),
    (
        "CLI0050",
        "Other hosts cannot reach this lab",
        "Its NATS listens on this machine alone, as a lab does that `tercio up` has started. A lab for several \
         hosts is set up with `tercio lab init --nats-host HOST --external`, and its parts are run as containers \
         or units.",
    ),
    (
        "CLI0051",
        "The credentials are there and permit something else",
        "A `.creds` file of that name was made earlier with other rights. It is not replaced, because its copies \
         would go on permitting what they do.",
    ),
    (
        "CLI0052",
        "The file is no plan",
        "`tercio apply` takes what `tercio plan --out FILE` or `tercio plan --json` wrote, unchanged: its hash \
         covers all of it.",
    ),
    (
        "CLI0053",
        "The plan builds images",
        "What comes of a build is known after it: a plan that says what will run cannot hold one. \
         `tercio build`, then plan again; or `tercio up`, which does both.",
    ),
    (
        "CLI0054",
        "The project has no earlier revision",
        "It was changed once, or never: there is nothing to go back to. `tercio project history` lists its changes.",
    ),
    (
        "CLI0055",
        "The port is not published",
        "No running container of the service has that port bound on its node. `tercio ps` lists the published ports, \
         and a service publishes what its files name under `ports:`.",
    ),
    (
        "CLI0056",
        "There is no container to wait for",
        "The project, or the services named, have no container that should run. `tercio ps -a` also lists those \
         that have ended.",
    ),
];
