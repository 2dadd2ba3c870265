/** Whether something answers HTTP at an address, with whatever status. */
export async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url).then((response) => response.arrayBuffer());
    return true;
  } catch {
    return false;
  }
}
