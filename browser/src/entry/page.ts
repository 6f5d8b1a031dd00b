/** On every page: the clock, signing, keys, live parts, small comforts. */
import { runClocks } from "../page/clock";
import { comforts } from "../page/comforts";
import { keyState } from "../page/key_state";
import { followLive, rememberParts } from "../page/live";
import { signForm } from "../page/sign";
import { steps } from "../page/steps";
import { tables } from "../page/tables";

function wire(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-sign]")) signForm(form);
  void keyState(root);
  comforts(root);
  tables(root);
}

rememberParts();
wire(document);
runClocks();
steps();
followLive((part) => {
  wire(part);
  part.dispatchEvent(new CustomEvent("sunbid:part", { bubbles: true }));
});
