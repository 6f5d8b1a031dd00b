/** On pages of recorded sessions: the recorder, the banner, live views and the player. */
import { each } from "../page/words";
import { liveView } from "../recording/live_view";
import { player } from "../recording/player";
import { standing } from "../recording/standing";
import { studio } from "../recording/studio";

each<HTMLElement>("[data-recording-standing]", standing);
each<HTMLElement>("[data-studio]", studio);
each<HTMLVideoElement>("video[data-recording-live]", liveView);
each<HTMLElement>("[data-player]", player);
