import { Untrue } from "../src/trustee/log_proof";

/** The code of what is untrue in papers; empty if they hold. Other errors go on. */
export async function judged(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "";
  } catch (error) {
    if (error instanceof Untrue) return error.code;
    throw error;
  }
}
