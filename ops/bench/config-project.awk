# Writes a project of many services, and a file to be laid over it: the same for a seed on every machine.
#   awk -v seed=1 -v services=1000 -v folder=DIR -f config-project.awk
# Services have what services of real projects have: ports, mounts, networks, variables, dependencies on
# earlier ones, health checks, limits; every third is changed by the file laid over.

# Numbers from a linear congruential generator, because awks differ in theirs.
function next_number() { state = (state * 1103515245 + 12345) % 2147483648; return int(state / 65536) }
function below(bound) { return next_number() % bound }
function once_in(times) { return below(times) == 0 }
function line(text) { print text > file }

function service(n,    k, count) {
    line("  s" n ":")
    if (once_in(5)) {
        line("    build: {context: ./s" n ", args: {VERSION: \"1." below(20) "\"}}")
    }
    line("    image: registry.example.com/team" below(20) "/s" n ":${TAG:-1." below(9) "}")
    if (once_in(2)) line("    command: serve --port " (8000 + below(1000)) " --name \"s " n "\"")
    line("    environment:")
    for (k = 0; k < 8; k++) line("      KEY_" k ": \"value " below(1000) " of ${PROJECT:-p}\"")
    if (once_in(3)) line("    ports: [\"" (10000 + n) ":80\", \"" (20000 + n) ":443/udp\"]")
    line("    volumes:")
    line("      - v" below(50) ":/data")
    line("      - ./conf/s" n ":/etc/s" n ":ro")
    line("    networks: [n" below(20) ", back]")
    count = n < 3 ? 0 : below(4)
    if (count > 0) {
        line("    depends_on:")
        # No two of them the same: each from its own part of the services before this one.
        for (k = 0; k < count; k++) {
            line("      s" int(n * k / count) + below(int(n / count)) ": {condition: service_healthy}")
        }
    }
    line("    healthcheck: {test: [\"CMD\", \"curl\", \"-f\", \"http://localhost/\"], interval: " (5 + below(50)) "s, retries: 3}")
    line("    labels: [team=t" below(20) ", \"note=service " n "\"]")
    line("    deploy: {replicas: " (1 + below(3)) ", resources: {limits: {cpus: \"0." (1 + below(9)) "\", memory: " (64 + below(1000)) "M}}}")
    line("    restart: unless-stopped")
    line("    logging: {driver: json-file, options: {max-size: 10m}}")
}

function changed(n) {
    line("  s" n ":")
    line("    environment: [\"KEY_1=changed " below(1000) "\", EXTRA=1]")
    line("    labels: {team: other, added: \"" below(9) "\"}")
    line("    volumes: [\"./over/s" n ":/data\"]")
    if (once_in(2)) line("    deploy: {replicas: " (1 + below(5)) "}")
    if (once_in(4)) line("    command: !override [\"run\", \"" n "\"]")
}

BEGIN {
    state = seed
    file = folder "/compose.yml"
    line("name: thousand")
    line("services:")
    for (n = 0; n < services; n++) service(n)
    line("networks:")
    line("  back: {driver: bridge, labels: {tier: back}}")
    for (n = 0; n < 20; n++) line("  n" n ": {}")
    line("volumes:")
    for (n = 0; n < 50; n++) line("  v" n ": {}")
    close(file)
    file = folder "/override.yml"
    line("services:")
    for (n = 0; n < services; n += 3) changed(n)
}
