/** Prose written for `token-count.ts`, the same passage told in three languages. */

export const ENGLISH = `The ferry left the harbour a little after six, when the fog still lay so thick on the water that nobody on deck could see the
lighthouse. An old man in a grey coat stood at the rail and counted the seconds between two strokes of the bell. He had made this crossing
every week for thirty years, first as a sailor, later as a carpenter who repaired the houses on the other side, and now, since his daughter
lived there, simply as a grandfather. "You can hear the shore before you see it," he told the boy beside him. "Listen: the birds are quieter
over land, and the engine sounds different when the bottom comes up." The boy listened, but all he could hear was the wind. When the fog
finally opened, the island lay in front of them as if somebody had just put it there: two rows of white houses, a church without a tower, and
on the pier a woman who was waving with both arms. The captain slowed down, the passengers gathered their bags, and for a moment everybody
forgot how cold the morning had been. What do people want from a journey? Perhaps not to arrive at all, the old man thought, but to be
expected. He lifted his hat, waved back, and went down the stairs as quickly as his knees allowed.
`;

export const GERMAN = `Die Fähre verließ den Hafen kurz nach sechs, als der Nebel noch so dicht auf dem Wasser lag, dass niemand an Deck den Leuchtturm
sehen konnte. Ein alter Mann in einem grauen Mantel stand an der Reling und zählte die Sekunden zwischen zwei Glockenschlägen. Seit dreißig
Jahren machte er diese Überfahrt jede Woche, zuerst als Matrose, später als Zimmermann, der die Häuser auf der anderen Seite ausbesserte, und
jetzt, seit seine Tochter dort wohnte, einfach als Großvater. „Man hört das Ufer, bevor man es sieht“, sagte er zu dem Jungen neben sich. „Hör
zu: Über dem Land sind die Vögel leiser, und die Maschine klingt anders, wenn der Grund näher kommt.“ Der Junge lauschte, aber er hörte nur den
Wind. Als der Nebel endlich aufriss, lag die Insel vor ihnen, als hätte sie gerade jemand hingestellt: zwei Reihen weißer Häuser, eine Kirche
ohne Turm und auf dem Anleger eine Frau, die mit beiden Armen winkte. Der Kapitän nahm Fahrt weg, die Reisenden suchten ihr Gepäck zusammen, und
einen Augenblick lang vergaßen alle, wie kalt der Morgen gewesen war. Was erwarten die Leute von einer Reise? Vielleicht gar nicht anzukommen,
dachte der alte Mann, sondern erwartet zu werden. Er lüftete den Hut, winkte zurück und stieg die Treppe hinunter, so schnell seine Knie es zuließen.
`;

export const CHINESE = `六点刚过，渡船离开了港口，水面上的雾还很浓，甲板上没有人看得见灯塔。一位穿灰色大衣的老人站在栏杆旁，数着两次钟声之间的秒数。
三十年来，他每个星期都要走这一趟：起初是水手，后来是木匠，替对岸的人家修房子；如今女儿住在那里，他只是去当外公。“还没看见岸，就先听得见岸，”
他对身边的男孩说，“你听，靠近陆地的时候鸟叫得轻一些，水浅了，机器的声音也不一样。”男孩听了一会儿，却只听见风声。雾终于散开，小岛出现在他们面前，
好像刚刚有人把它放在那里：两排白色的房子，一座没有塔楼的教堂，码头上有一个女人正挥着双臂。船长放慢了速度，乘客们收拾行李，
有那么一会儿，大家都忘了早晨有多冷。人们出门旅行，到底想要什么呢？老人想，也许并不是为了到达，而是为了有人等着自己。他摘下帽子挥了挥，
然后尽膝盖所能，快步走下楼梯。
`;
