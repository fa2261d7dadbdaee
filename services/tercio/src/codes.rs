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
];
