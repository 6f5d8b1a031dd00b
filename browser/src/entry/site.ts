/** On every page: the clock, signing, keys, live parts, small comforts. */
import { runClocks } from "../page/clock";
import { enrolForm, restoreForm, showKeyState } from "../page/enrol";
import { comforts } from "../page/comforts";
import { followLive } from "../page/live";
import { signForm } from "../page/sign";

function wire(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-sign]")) signForm(form);
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-enrol]")) enrolForm(form);
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-restore]")) restoreForm(form);
  for (const element of root.querySelectorAll<HTMLElement>("[data-key-state]")) void showKeyState(element);
  comforts(root);
}

wire(document);
runClocks();
followLive((part) => {
  wire(part);
  part.dispatchEvent(new CustomEvent("sunbid:part", { bubbles: true }));
});
