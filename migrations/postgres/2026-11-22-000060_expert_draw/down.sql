DROP TABLE expert_draw_seat;
DROP TABLE expert_draw_party;
DROP TABLE expert_draw_draw;
DROP TABLE expert_draw_account;
DROP TABLE expert_draw_pool;
