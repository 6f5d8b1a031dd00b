mod avoidance;
mod faults;
mod hall;
mod pages;
mod rules;
