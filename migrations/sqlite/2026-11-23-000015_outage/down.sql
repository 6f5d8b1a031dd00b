DROP TABLE outage_moved;
DROP TABLE outage;
DROP TABLE outage_pulse;
