//! The command line: everything else lives in the library.

use clap::{Parser, Subcommand};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use sunbid::account::house::House;
use sunbid::ledger::Door;
use sunbid::platform::config::Config;
use sunbid::platform::database::Database;
use sunbid::platform::moment::Clock;
use sunbid::platform::refusal::Fault;
use sunbid::{app, cli, demo};

/// Sunbid · 阳光交易: a public resource e-trading platform whose operator need not be trusted.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// The configuration file; every key of it may also be set by an environment variable.
    #[arg(long, default_value = "sunbid.toml", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the platform. Example: sunbid serve
    Serve,
    /// Bring the database's tables up to date and stop. Example: sunbid migrate
    Migrate,
    /// Build the demonstration centre in an empty database. Example: SUNBID_DEMO=true sunbid demo
    Demo,
    /// Seal a bid offline, as the browser does.
    Seal(cli::seal::Args),
    /// Upload a sealed bid and hand it in; goes on after every break.
    Send(cli::send::Args),
    /// For trustees: release shares of bids, or open them with the key files at hand.
    Open(cli::open::Args),
    /// Recompute an expert draw from its document, reveals and public value.
    Draw(cli::draw::DrawArgs),
    /// Write one lot's evidence bundle.
    Export(cli::export::ExportArgs),
    /// Check an evidence bundle offline: one line for each check, exit status 0 only if all hold.
    Verify(cli::verify::VerifyArgs),
    /// Follow, witness and monitor the public log.
    Log(cli::log::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("SUNBID_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sunbid: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &cli.command {
        Command::Seal(args) => return cli::seal::run(args),
        Command::Send(args) => return cli::send::run(args),
        Command::Open(args) => return cli::open::run(args, &mut out),
        Command::Draw(args) => return cli::draw::run(args, &mut out),
        Command::Verify(args) => return cli::verify::run(args, &mut out),
        Command::Log(args) if !args.is_for_the_operator() => return cli::log::run(args, &mut out),
        _ => {}
    }
    let told = |fault: Fault| anyhow::anyhow!(fault.chain());
    let config = Config::load(&cli.config, |key| std::env::var(key).ok()).map_err(told)?;
    if let Command::Export(args) = &cli.command {
        return cli::export::run(args, config, &mut out);
    }
    if let Command::Log(_) = &cli.command {
        let door = Door::open(config, Clock::real()).map_err(told)?;
        demo::clock::restore(&door).map_err(told)?;
        return cli::log::rotate(&door, &mut out);
    }
    match cli.command {
        Command::Demo => demo::build(config),
        Command::Migrate => Database::open(&config.database_url).map(|_| ()),
        _ => serve(config),
    }
    .map_err(told)
}

fn serve(config: Config) -> Result<(), Fault> {
    let listener = TcpListener::bind(&config.listen).map_err(|e| {
        Fault::from(e)
            .context(format!("listening on {} (SUNBID_LISTEN takes another address)", config.listen))
    })?;
    let (url, demo) = (config.public_url.clone(), config.demo);
    let house = House::open(config, Clock::real())?;
    demo::clock::restore(&house.door)?;
    println!("Sunbid · 阳光交易  {url}");
    if demo {
        println!("{}", demo::cast::GREETING);
    }
    actix_web::rt::System::new().block_on(app::serve(house, listener))
}
