//! The command line: everything else lives in the library.

use clap::{Parser, Subcommand};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use sunbid::account::house::House;
use sunbid::app;
use sunbid::platform::config::Config;
use sunbid::platform::moment::Clock;
use sunbid::platform::refusal::Fault;

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
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("SUNBID_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("sunbid: {}", fault.chain());
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Fault> {
    let config = Config::load(&cli.config, |key| std::env::var(key).ok())?;
    match cli.command {
        Command::Serve => serve(config),
        Command::Migrate => sunbid::platform::database::Database::open(&config.database_url).map(|_| ()),
    }
}

fn serve(config: Config) -> Result<(), Fault> {
    let listener = TcpListener::bind(&config.listen)
        .map_err(|e| Fault::from(e).context(format!("listening on {}", config.listen)))?;
    let url = config.public_url.clone();
    let house = House::open(config, Clock::real())?;
    tracing::info!(url, "Sunbid is open");
    actix_web::rt::System::new().block_on(app::serve(house, listener))
}
