/**
 * A draw's two forms. `<form data-draw-commit data-draw="id" data-party="id">` with hidden `commit` (hex); the same with `data-draw-reveal` and
 * hidden `reveal` (hex). If the form also carries `data-sign` fields (`statement` with the place `%{commit}`), the statement is completed and signed.
 */
import { toHex } from "../bytes/bytes";
import { commitment, contribution, storedContribution } from "../draw/contribution";
import { fillSignature, keyFor } from "../page/sign";
import { attribute, complain, field, onSubmit } from "../page/words";

async function submit(form: HTMLFormElement): Promise<void> {
  if (form.elements.namedItem("signature") !== null) {
    const key = await keyFor(form);
    if (key === undefined) return;
    await fillSignature(form, key);
  }
  form.submit();
}

function start(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-draw-commit]")) {
    onSubmit(form, async () => {
      const [draw, party] = [attribute(form, "draw"), attribute(form, "party")];
      const commit = toHex(await commitment(draw, party, await contribution(draw, party)));
      field(form, "commit").value = commit;
      if (form.elements.namedItem("statement") !== null) field(form, "statement").value = field(form, "statement").value.replace("%{commit}", commit);
      await submit(form);
    });
  }
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-draw-reveal]")) {
    onSubmit(form, async () => {
      const secret = await storedContribution(attribute(form, "draw"), attribute(form, "party"));
      if (secret === undefined) return complain(form, "no-contribution");
      field(form, "reveal").value = toHex(secret);
      await submit(form);
    });
  }
}

start(document);
document.addEventListener("sunbid:part", (event) => start(event.target as HTMLElement));
